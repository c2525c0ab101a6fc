//! Uploads: what is taken, and that a refusal leaves nothing behind.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::stream::{self, StreamExt};
use http::{Method, Request};

use crate::support::{Account, Answer, Form, World, sample};

/// Nothing of a refused upload is left: no media, no row, no event beside the sign-up's.
async fn assert_nothing_stored(world: &World, artist: &Account, context: &str) {
    assert_eq!(world.media_keys().await, [], "{context}");
    assert_eq!(world.tracks(artist).await, 0, "{context}");
    assert_eq!(world.events().await, 2, "{context}");
}

async fn refused(form: Form) -> Answer {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let answer = world.send(form.upload(&nina.token)).await;
    assert_nothing_stored(&world, &nina, &answer.text()).await;
    answer
}

fn mp3() -> Vec<u8> {
    sample("cbr-mono-id3v1.mp3")
}

#[tokio::test]
async fn parts_come_in_any_order() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let form = Form::new()
        .file("cover", &sample("cover.png"))
        .text("visibility", "unlisted")
        .file("audio", &mp3())
        .text("genre", "Cafe\u{301}")
        .text("title", "Last");
    let answer = world.send(form.upload(&nina.token)).await;
    let track = answer.json(201);
    assert_eq!(answer.header("location"), format!("/v1/tracks/{}", track["id"].as_str().unwrap()));
    assert!(answer.header("etag").starts_with('"'));
    assert_eq!((track["title"].as_str(), track["genre"].as_str()), (Some("Last"), Some("Caf\u{e9}")));
    assert_eq!(track["visibility"], "unlisted");
    assert_eq!(world.media_keys().await.len(), 3);
    assert_eq!(world.events().await, 3);
}

#[tokio::test]
async fn a_tag_gives_title_genre_and_cover() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let form = Form::new().file("audio", &sample("vbr-stereo-id3v24-cover.mp3"));
    let track = world.send(form.upload(&nina.token)).await.json(201);
    assert_eq!((track["title"].as_str(), track["genre"].as_str()), (Some("Slow Tide"), Some("Ambient")));
    assert!(track["cover_url"].is_string());
}

#[tokio::test]
async fn no_position_data_of_a_cover_is_kept() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let canary: &[u8] = b"moodify-exif-canary";
    let has_canary = |bytes: &[u8]| bytes.windows(canary.len()).any(|window| window == canary);
    assert!(has_canary(&sample("cover.jpg")));
    let track = world.track(&nina, "Slow Tide").await;
    let url = track["cover_url"].as_str().unwrap().strip_prefix("http://music.test").unwrap().to_owned();
    let cover = world.get(&url, "").await;
    assert_eq!(cover.header("content-type"), "image/jpeg");
    assert!(!cover.body.is_empty() && !has_canary(&cover.body));
}

#[tokio::test]
async fn listeners_do_not_upload() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let form = Form::new().text("title", "Mine").file("audio", &mp3());
    world.send(form.upload(&ada.token)).await.problem(403, "artist_only");
    assert_eq!(world.media_keys().await, []);
    let form = Form::new().file("audio", &mp3());
    world.send(form.upload("nonsense")).await.problem(401, "invalid_token");
}

#[tokio::test]
async fn wrong_forms_are_refused() {
    let form = || Form::new().text("title", "T");
    for (form, pointer, code) in [
        (form(), "/audio", "required"),
        (form().file("audio", b""), "/audio", "empty_file"),
        (form().file("audio", &mp3()).file("audio", &mp3()), "/audio", "duplicate_field"),
        (form().file("audio", &mp3()).text("title", "U"), "/title", "duplicate_field"),
        (form().file("audio", &mp3()).text("album", "A"), "", "unknown_field"),
        (form().file("audio", &mp3()).part("form-data", b"x"), "", "unknown_field"),
        (Form::new().file("audio", &sample("cbr-mono-untagged.mp3")), "/title", "required"),
        (form().file("audio", &mp3()).text("genre", &"g".repeat(20_000)), "/genre", "too_long"),
        (
            form().file("audio", &mp3()).part("form-data; name=\"genre\"", b"\xff\xfe"),
            "/genre",
            "invalid_utf8",
        ),
        (form().file("audio", &mp3()).text("visibility", "hidden"), "/visibility", "invalid_visibility"),
    ] {
        let errors = refused(form).await.field_errors();
        assert_eq!(errors, [(pointer.to_owned(), code.to_owned())]);
    }
    let form = Form::new().file("audio", &mp3()).text("title", "a\u{0}b").text("genre", "");
    let errors = refused(form).await.field_errors();
    let expected = [("/title", "control_character"), ("/genre", "required")];
    assert_eq!(errors, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
}

#[tokio::test]
async fn hostile_files_are_refused_by_what_they_are() {
    let mp3 = mp3();
    let with = |extra: &[u8]| [&mp3, extra].concat();
    let mut lying_id3 = b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f".to_vec();
    lying_id3.extend_from_slice(&mp3);
    for (name, audio) in [
        ("text", b"hello, this is no music".to_vec()),
        ("html", b"<!doctype html><script>alert(1)</script>".to_vec()),
        ("zip appended", with(b"PK\x03\x04\x14\x00\x00\x00\x08\x00evil.exe")),
        ("html appended", with(b"<html><script>alert(1)</script></html>")),
        ("lying ID3 length", lying_id3),
        ("an ID3 header alone", b"ID3\x04\x00\x00\x00\x00\x00\x00".to_vec()),
        ("a picture", sample("cover.jpg")),
        ("zeros", vec![0; 100_000]),
        ("sync words only", vec![0xff; 100_000]),
    ] {
        let errors = refused(Form::new().text("title", name).file("audio", &audio)).await.field_errors();
        assert_eq!(errors[0].0, "/audio", "{name}");
    }
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    let truncated = &sample("cover.png")[..20_000];
    for (name, cover) in [("svg", &svg[..]), ("truncated", truncated), ("huge", &huge_png()), ("empty", b"")]
    {
        let form = Form::new().text("title", name).file("cover", cover).file("audio", &mp3);
        let errors = refused(form).await.field_errors();
        assert_eq!(errors[0].0, "/cover", "{name}");
    }
}

/// The head of a PNG that declares 30,000 × 30,000 pixels.
fn huge_png() -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    png.extend_from_slice(&30_000_u32.to_be_bytes());
    png.extend_from_slice(&30_000_u32.to_be_bytes());
    png.extend_from_slice(b"\x08\x06\0\0\0\0\0\0\0");
    png
}

#[tokio::test]
async fn names_of_files_count_for_nothing() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    for name in ["../../etc/passwd", "a\0b.mp3", &"x".repeat(5_000), "evil.html", "C:\\x.mp3"] {
        let disposition = format!("form-data; name=\"audio\"; filename=\"{name}\"");
        let form = Form::new().text("title", "T").part(&disposition, &mp3());
        let answer = world.send(form.upload(&nina.token)).await;
        if answer.status != 201 {
            answer.problem(400, "malformed_multipart");
        }
    }
    for key in world.media_keys().await {
        assert!(key.as_str().starts_with("audio/0") && key.as_str().ends_with(".mp3"), "{key}");
    }
}

#[tokio::test]
async fn broken_bodies_are_malformed() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let cut = Form::new().text("title", "T").file("audio", &mp3()).open();
    for body in
        [Vec::new(), b"nonsense".to_vec(), cut, b"--a-boundary-that-no-sample-holds\r\nx\r\n\r\n".to_vec()]
    {
        let answer = world.send(Form::upload_of(&nina.token, body.into())).await;
        answer.problem(400, "malformed_multipart");
        assert_nothing_stored(&world, &nina, "malformed").await;
    }
    for content_type in ["application/json", "multipart/form-data", "text/plain"] {
        let request =
            world.request(Method::POST, "/v1/tracks", &nina.token).header("content-type", content_type);
        let answer = world.send(request.body(Body::from("x")).unwrap()).await;
        answer.problem(415, "unsupported_media_type");
    }
}

#[tokio::test]
async fn a_lost_connection_stores_nothing() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let half = Form::new().text("title", "T").file("audio", &mp3()).open();
    let pieces =
        [Ok(Bytes::from(half[..20_000].to_vec())), Err(io::Error::from(io::ErrorKind::ConnectionReset))];
    let answer = world.send(Form::upload_of(&nina.token, Body::from_stream(stream::iter(pieces)))).await;
    assert!(answer.status.is_client_error(), "{}", answer.text());
    answer.any_problem();
    assert_nothing_stored(&world, &nina, "lost connection").await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_coming_is_cut_off() {
    let world = World::with(|config| config.limits.body = Duration::from_secs(3));
    let nina = world.artist("Nina").await;
    let half = Form::new().text("title", "T").file("audio", &mp3()).open();
    let pieces = stream::unfold(Some(half), |piece| async {
        match piece {
            Some(bytes) => Some((Ok::<_, io::Error>(Bytes::from(bytes)), None)),
            None => std::future::pending().await,
        }
    });
    let answer = world.send(Form::upload_of(&nina.token, Body::from_stream(pieces))).await;
    answer.problem(408, "request_timeout");
    assert_nothing_stored(&world, &nina, "too slow").await;
}

#[tokio::test]
async fn too_large_bodies_are_refused_early() {
    let world = World::limited(|config| (config.max_audio_bytes, config.max_cover_bytes) = (50_000, 10_000));
    let nina = world.artist("Nina").await;
    let form = Form::new().text("title", "T").file("audio", &sample("cbr-stereo-id3v23.mp3"));
    world.send(form.clone().upload(&nina.token)).await.problem(413, "payload_too_large");
    let announced = Request::post("/v1/tracks")
        .header("authorization", format!("Bearer {}", nina.token))
        .header("content-type", "multipart/form-data; boundary=x")
        .header("content-length", 2_000_000);
    let answer = world.send(announced.body(Body::empty()).unwrap()).await;
    answer.problem(413, "payload_too_large");
    assert_nothing_stored(&world, &nina, "too large").await;
}

/// A proxy has a limit of its own, and writes on until it has read the answer or met a closed door.
#[tokio::test]
async fn a_refused_body_that_is_little_too_long_is_read_to_its_end() {
    let world = World::limited(|config| (config.max_audio_bytes, config.max_cover_bytes) = (50_000, 10_000));
    let nina = world.artist("Nina").await;
    const PIECES: usize = 25;
    let read = Arc::new(AtomicUsize::new(0));
    let seen = read.clone();
    let pieces = stream::iter(0..PIECES).map(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
        Ok::<_, io::Error>(Bytes::from_static(&[0; 64 * 1024]))
    });
    let request = Request::post("/v1/tracks")
        .header("authorization", format!("Bearer {}", nina.token))
        .header("content-type", "multipart/form-data; boundary=x")
        .header("content-length", PIECES * 64 * 1024);
    let answer = world.send(request.body(Body::from_stream(pieces)).unwrap()).await;
    answer.problem(413, "payload_too_large");
    assert_eq!(read.load(Ordering::Relaxed), PIECES);
}
