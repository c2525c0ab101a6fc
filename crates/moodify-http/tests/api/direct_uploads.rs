//! Uploads straight to the store: sent in parts, gone on with, completed, and everything that somebody may try instead.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request};
use moodify_core::Config;
use moodify_core::model::{EventPayload, MediaKey};
use moodify_core::port::{Clock, MediaStore, Outbox, UploadStore};
use moodify_core::service::delivery::Handler;
use serde_json::{Value, json};

use crate::support::{Account, Answer, World, sample};

const PART: usize = 30_000;
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// With small parts, for the samples are small, and tokens that outlive every address.
fn world() -> World {
    with_places(20)
}

fn with_places(places: u32) -> World {
    let configure = |config: &mut Config| {
        config.accounts.access_token_ttl = 30 * DAY;
        config.catalog.upload_part_bytes = PART as u64;
        config.catalog.direct_uploads = places;
    };
    World::build(configure, |_| ())
}

fn tune() -> Vec<u8> {
    sample("vbr-stereo-id3v24-cover.mp3")
}

fn announced(audio: &[u8]) -> Value {
    json!({ "content_type": "audio/mpeg", "size_bytes": audio.len() })
}

async fn begin(world: &World, artist: &Account, body: Value) -> Value {
    world.post("/v1/uploads", &artist.token, body).await.json(201)
}

fn path(upload: &Value) -> String {
    format!("/v1/uploads/{}", upload["id"].as_str().unwrap())
}

async fn ask(world: &World, artist: &Account, upload: &Value) -> Value {
    world.get(&path(upload), &artist.token).await.json(200)
}

async fn complete(world: &World, artist: &Account, upload: &Value) -> Answer {
    world
        .send(
            world
                .request(Method::POST, &(path(upload) + "/complete"), &artist.token)
                .body(Body::empty())
                .unwrap(),
        )
        .await
}

/// Does what there is to do between requests.
async fn work(world: &World) {
    while world.moodify.catalog().handle_due_uploads().await.unwrap() > 0 {}
}

/// Path and query of a signed address.
fn address(part: &Value) -> String {
    part["url"].as_str().unwrap().strip_prefix("http://music.test").unwrap().to_owned()
}

/// Sends these bytes as what they are said to be, by a client that knows nothing but the address.
async fn put(world: &World, url: &str, content_type: &str, announced: usize, bytes: &[u8]) -> Answer {
    let request = Request::builder().method(Method::PUT).uri(url);
    let request = request.header("content-type", content_type).header("content-length", announced);
    world.send(request.body(Body::from(bytes.to_vec())).unwrap()).await
}

fn slice<'a>(part: &Value, file: &'a [u8]) -> &'a [u8] {
    let number = |name: &str| usize::try_from(part[name].as_u64().unwrap()).unwrap();
    &file[number("offset_bytes")..number("offset_bytes") + number("size_bytes")]
}

async fn send_part(world: &World, part: &Value, file: &[u8]) {
    let bytes = slice(part, file);
    let content_type = part["headers"]["content-type"].as_str().unwrap();
    put(world, &address(part), content_type, bytes.len(), bytes).await.empty(200);
}

/// Sends all that is missing.
async fn send(world: &World, upload: &Value, file: &[u8]) {
    for part in upload["parts"].as_array().unwrap() {
        if part["uploaded"] == false {
            send_part(world, part, file).await;
        }
    }
}

/// From nothing to the end, whichever that is.
async fn upload(world: &World, artist: &Account, body: Value, file: &[u8]) -> Value {
    let upload = begin(world, artist, body).await;
    send(world, &upload, file).await;
    let completed = complete(world, artist, &upload).await.json(202);
    assert_eq!(completed["status"], "processing");
    work(world).await;
    ask(world, artist, &upload).await
}

fn waiting(keys: &[MediaKey]) -> usize {
    keys.iter().filter(|key| key.is_upload()).count()
}

#[tokio::test]
async fn a_file_in_parts_becomes_a_track_that_plays() {
    let world = world();
    let nina = world.artist("Nina").await;
    let file = tune();
    let answer = world.post("/v1/uploads", &nina.token, announced(&file)).await;
    let upload = answer.json(201);
    assert_eq!(answer.header("location"), path(&upload));
    assert_eq!((&upload["status"], &upload["track_id"]), (&json!("open"), &Value::Null));
    let parts = upload["parts"].as_array().unwrap();
    assert_eq!(parts.len(), file.len().div_ceil(PART));
    let total: u64 = parts.iter().map(|part| part["size_bytes"].as_u64().unwrap()).sum();
    assert_eq!(total, file.len() as u64);

    // The last one first, then an interruption: only the others are asked for.
    send_part(&world, parts.last().unwrap(), &file).await;
    world.clock.advance(20 * MINUTE);
    let missing = complete(&world, &nina, &upload).await;
    missing.problem(409, "parts_missing");
    let resumed = ask(&world, &nina, &upload).await;
    let there: Vec<bool> =
        resumed["parts"].as_array().unwrap().iter().map(|part| part["uploaded"] == true).collect();
    assert_eq!(there.iter().filter(|there| **there).count(), 1);
    assert!(there.last().unwrap());
    assert!(resumed["parts"][parts.len() - 1]["url"].is_null());
    // The old addresses are over, the fresh ones work.
    let old = put(&world, &address(&parts[0]), "audio/mpeg", PART, slice(&parts[0], &file)).await;
    old.problem(403, "url_expired");
    send(&world, &resumed, &file).await;
    assert_eq!(world.tracks(&nina).await, 0, "nobody has looked at it");
    assert_eq!(complete(&world, &nina, &upload).await.json(202)["status"], "processing");
    work(&world).await;

    let ready = ask(&world, &nina, &upload).await;
    assert_eq!((&ready["status"], &ready["parts"]), (&json!("ready"), &json!([])));
    assert_eq!(ready["track_id"], upload["id"]);
    let track = format!("/v1/tracks/{}", ready["track_id"].as_str().unwrap());
    let track = world.get(&track, &nina.token).await.json(200);
    assert_eq!((&track["title"], &track["genre"]), (&json!("Slow Tide"), &json!("Ambient")));
    assert_eq!((&track["status"], &track["visibility"]), (&json!("ready"), &json!("public")));
    assert!(track["cover_url"].is_string(), "from the tag");
    let audio = track["audio_url"].as_str().unwrap().strip_prefix("http://music.test").unwrap();
    assert_eq!(world.get(audio, "").await.body, file);
    let listed = world.get("/v1/tracks", &nina.token).await.json(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(waiting(&world.media_keys().await), 0, "what was sent is gone");
    assert_eq!(world.media_keys().await.len(), 3);
}

#[tokio::test]
async fn what_the_artist_says_counts_more_than_the_tag() {
    let world = world();
    let nina = world.artist("Nina").await;
    let (file, picture) = (tune(), sample("cover.png"));
    let mut body = announced(&file);
    body["title"] = json!("Fast Tide");
    body["genre"] = json!("Cafe\u{301}");
    body["visibility"] = json!("private");
    body["cover"] = json!({ "content_type": "image/png", "size_bytes": picture.len() });
    let upload = begin(&world, &nina, body).await;
    send(&world, &upload, &file).await;
    complete(&world, &nina, &upload).await.problem(409, "parts_missing");
    let cover = &upload["cover"];
    assert_eq!((&cover["uploaded"], &cover["headers"]["content-type"]), (&json!(false), &json!("image/png")));
    put(&world, &address(cover), "image/png", picture.len(), &picture).await.empty(200);
    complete(&world, &nina, &upload).await.json(202);
    work(&world).await;
    let id = ask(&world, &nina, &upload).await["track_id"].as_str().unwrap().to_owned();
    let track = world.get(&format!("/v1/tracks/{id}"), &nina.token).await.json(200);
    assert_eq!((&track["title"], &track["genre"]), (&json!("Fast Tide"), &json!("Caf\u{e9}")));
    assert_eq!(track["visibility"], "private");
    assert_eq!(world.media_keys().await.len(), 3);
}

#[tokio::test]
async fn what_is_no_track_is_rejected_with_its_reason_and_leaves_nothing() {
    let good = sample("cbr-mono-id3v1.mp3");
    let with = |extra: &[u8]| [&good, extra].concat();
    let any = &["damaged_media", "unsupported_media"][..];
    for (file, cover, pointer, reasons) in [
        (b"<html>".to_vec(), None, "/audio", any),
        (sample("cover.jpg"), None, "/audio", any),
        (with(b"PK\x03\x04 and an archive behind it"), None, "/audio", any),
        (sample("cbr-mono-untagged.mp3"), None, "/title", &["required"][..]),
        (tune(), Some(b"<svg/>".to_vec()), "/cover", any),
    ] {
        let world = world();
        let nina = world.artist("Nina").await;
        let mut body = announced(&file);
        if let Some(cover) = &cover {
            body["cover"] = json!({ "content_type": "image/jpeg", "size_bytes": cover.len() });
        }
        let upload = begin(&world, &nina, body).await;
        send(&world, &upload, &file).await;
        if let Some(cover) = &cover {
            put(&world, &address(&upload["cover"]), "image/jpeg", cover.len(), cover).await.empty(200);
        }
        complete(&world, &nina, &upload).await.json(202);
        work(&world).await;
        let rejected = ask(&world, &nina, &upload).await;
        assert_eq!(rejected["status"], "rejected", "{rejected}");
        assert_eq!(rejected["rejected_pointer"], pointer, "{rejected}");
        let reason = rejected["rejected_reason"].as_str().unwrap();
        assert!(reasons.contains(&reason), "{rejected}");
        assert_eq!(rejected["track_id"], Value::Null);
        assert_eq!(world.media_keys().await, [], "{reason}");
        assert_eq!(world.tracks(&nina).await, 0, "{reason}");
        assert_eq!(complete(&world, &nina, &upload).await.json(202)["status"], "rejected");
    }
}

#[tokio::test]
async fn an_address_takes_what_was_agreed_and_nothing_else() {
    let world = world();
    let nina = world.artist("Nina").await;
    let file = tune();
    let upload = begin(&world, &nina, announced(&file)).await;
    let parts = upload["parts"].as_array().unwrap();
    let (url, bytes) = (address(&parts[0]), slice(&parts[0], &file));
    let (bare, query) = url.split_once('?').unwrap();
    let expires = query.split(['=', '&']).nth(1).unwrap();
    let more = (expires.parse::<i64>().unwrap() + 900).to_string();
    for changed in [
        url.replace(&format!("len={PART}"), &format!("len={}", PART + 1)),
        url.replace(expires, &more),
        url.replace("-1.mp3", "-2.mp3"),
        url.replace("-1.mp3", "-999.mp3"),
        url.replace("-1.mp3", ".png"),
        url.replace("/upload/", "/audio/").replace("-1.mp3", ".mp3"),
        url.replace("/upload/", "/audio/"),
        format!("{bare}?{}", address(&parts[1]).split_once('?').unwrap().1),
        format!("{url}&len={PART}"),
        bare.to_owned(),
        format!("{bare}?expires={expires}&len={PART}&sig="),
        format!("/media/upload/..%2faudio?{query}"),
    ] {
        let refused = put(&world, &changed, "audio/mpeg", PART, bytes).await;
        refused.problem(403, "invalid_signature");
    }
    for (content_type, len) in [
        ("text/html", PART),
        ("audio/mpeg; x=y", PART),
        ("", PART),
        ("audio/mpeg", PART + 1),
        ("audio/mpeg", 0),
    ] {
        let refused = put(&world, &url, content_type, len, bytes).await;
        refused.problem(403, "invalid_signature");
    }
    // The length that was announced is agreed, but something else comes.
    for other in [&bytes[..PART - 1], &[bytes, b"x"].concat(), b""] {
        let refused = put(&world, &url, "audio/mpeg", PART, other).await;
        refused.problem(400, "malformed_body");
    }
    // Nor does it read, in any way.
    for method in [Method::GET, Method::HEAD] {
        let request = Request::builder().method(method).uri(&url).body(Body::empty()).unwrap();
        assert_eq!(world.send(request).await.status, 403);
    }
    assert_eq!(world.media_keys().await, []);
    put(&world, &url, "audio/mpeg", PART, bytes).await.empty(200);
    assert_eq!(world.media_keys().await.len(), 1);
    world.clock.advance(15 * MINUTE);
    put(&world, &url, "audio/mpeg", PART, bytes).await.problem(403, "url_expired");
}

#[tokio::test]
async fn any_page_may_send_parts() {
    let world = world();
    let nina = world.artist("Nina").await;
    let upload = begin(&world, &nina, announced(&tune())).await;
    let preflight = Request::builder().method(Method::OPTIONS).uri(address(&upload["parts"][0]));
    let preflight = preflight.header("origin", "https://studio.example");
    let preflight = preflight.header("access-control-request-method", "PUT");
    let answer = world.send(preflight.body(Body::empty()).unwrap()).await;
    answer.empty(204);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(answer.header("access-control-allow-methods").contains("PUT"));
    assert!(answer.header("access-control-allow-headers").contains("content-type"));
}

#[tokio::test]
async fn what_is_announced_is_checked() {
    let world = world();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let with = |name: &str, value: Value| {
        let mut body = announced(&tune());
        body[name] = value;
        body
    };
    for (body, pointer, code) in [
        (with("content_type", json!("audio/flac")), "/content_type", "unsupported_type"),
        (with("size_bytes", json!(0)), "/size_bytes", "out_of_range"),
        (with("title", json!("")), "/title", "required"),
        (with("visibility", json!("secret")), "/visibility", "invalid_visibility"),
        (with("purpose", json!("malware")), "/purpose", "unknown_field"),
        (
            with("cover", json!({ "content_type": "image/svg+xml", "size_bytes": 5 })),
            "/cover/content_type",
            "unsupported_type",
        ),
        (
            with("cover", json!({ "content_type": "image/png", "size_bytes": 0 })),
            "/cover/size_bytes",
            "out_of_range",
        ),
    ] {
        let errors = world.post("/v1/uploads", &nina.token, body).await.field_errors();
        assert_eq!(errors, [(pointer.to_owned(), code.to_owned())]);
    }
    for body in [
        with("size_bytes", json!(100_000_001)),
        with("cover", json!({ "content_type": "image/png", "size_bytes": 10_000_001 })),
    ] {
        world.post("/v1/uploads", &nina.token, body).await.problem(413, "payload_too_large");
    }
    world.post("/v1/uploads", &ada.token, announced(&tune())).await.problem(403, "artist_only");
    world.post("/v1/uploads", "", announced(&tune())).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn another_s_upload_does_not_exist() {
    let world = world();
    let (nina, otto) = (world.artist("Nina").await, world.artist("Otto").await);
    let file = tune();
    let upload = begin(&world, &nina, announced(&file)).await;
    send(&world, &upload, &file).await;
    world.get(&path(&upload), &otto.token).await.problem(404, "upload_not_found");
    complete(&world, &otto, &upload).await.problem(404, "upload_not_found");
    world.delete(&path(&upload), &otto.token).await.problem(404, "upload_not_found");
    world.get(&path(&upload), "").await.problem(401, "unauthorized");
    assert_eq!(ask(&world, &nina, &upload).await["status"], "open");
}

#[tokio::test]
async fn however_often_it_is_completed_there_is_one_track() {
    let world = world();
    let nina = world.artist("Nina").await;
    let file = tune();
    let upload = begin(&world, &nina, announced(&file)).await;
    send(&world, &upload, &file).await;
    world.news().await;
    let answers = futures::future::join_all((0..20).map(|_| complete(&world, &nina, &upload))).await;
    for answer in answers {
        assert_eq!(answer.json(202)["status"], "processing");
    }
    let catalog = world.moodify.catalog();
    let looked = futures::future::join_all((0..4).map(|_| catalog.handle_due_uploads())).await;
    assert_eq!(looked.into_iter().map(Result::unwrap).sum::<usize>(), 1, "one had it");
    work(&world).await;
    assert_eq!(complete(&world, &nina, &upload).await.json(202)["status"], "ready");
    work(&world).await;
    assert_eq!(world.tracks(&nina).await, 1);
    let published = world.news().await;
    let published = published.iter().filter(|event| matches!(event, EventPayload::TrackPublished(_)));
    assert_eq!(published.count(), 1);
}

#[tokio::test]
async fn an_artist_has_so_many_under_way_and_aborting_frees_a_place_when_the_addresses_are_over() {
    let world = with_places(2);
    let (nina, otto) = (world.artist("Nina").await, world.artist("Otto").await);
    let file = tune();
    let first = begin(&world, &nina, announced(&file)).await;
    upload(&world, &nina, announced(&file), &file).await;
    // A track holds no place.
    let second = begin(&world, &nina, announced(&file)).await;
    let full = async || world.post("/v1/uploads", &nina.token, announced(&file)).await;
    full().await.problem(409, "too_many_uploads");
    begin(&world, &otto, announced(&file)).await;
    world.delete(&path(&first), &nina.token).await.empty(204);
    world.get(&path(&first), &nina.token).await.problem(404, "upload_not_found");
    complete(&world, &nina, &first).await.problem(404, "upload_not_found");
    // Who begins and aborts all the time could fill the store by addresses that still work.
    full().await.problem(409, "too_many_uploads");
    world.clock.advance(15 * MINUTE);
    begin(&world, &nina, announced(&file)).await;
    full().await.problem(409, "too_many_uploads");
    assert_eq!(ask(&world, &nina, &second).await["status"], "open");
}

#[tokio::test]
async fn aborted_uploads_leave_nothing_even_of_what_comes_late() {
    let world = world();
    let nina = world.artist("Nina").await;
    let file = tune();
    let upload = begin(&world, &nina, announced(&file)).await;
    let parts = upload["parts"].as_array().unwrap();
    send_part(&world, &parts[0], &file).await;
    world.delete(&path(&upload), &nina.token).await.empty(204);
    world.delete(&path(&upload), &nina.token).await.problem(404, "upload_not_found");
    work(&world).await;
    assert_eq!(world.media_keys().await, []);
    // The address is signed, and works to its end.
    send_part(&world, &parts[1], &file).await;
    work(&world).await;
    assert_eq!(world.media_keys().await.len(), 1);
    world.clock.advance(75 * MINUTE);
    work(&world).await;
    assert_eq!(world.media_keys().await, []);
    let id = upload["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.store.upload(id).await.unwrap(), None);
}

#[tokio::test]
async fn abandoned_uploads_are_given_up_after_a_day_and_forgotten_after_a_week() {
    let world = world();
    let nina = world.artist("Nina").await;
    let file = tune();
    let upload = begin(&world, &nina, announced(&file)).await;
    send_part(&world, &upload["parts"][0], &file).await;
    world.clock.advance(DAY - Duration::from_secs(1));
    work(&world).await;
    assert_eq!(ask(&world, &nina, &upload).await["status"], "open");
    world.clock.advance(Duration::from_secs(1));
    work(&world).await;
    let expired = ask(&world, &nina, &upload).await;
    assert_eq!((&expired["status"], &expired["rejected_reason"]), (&json!("rejected"), &json!("expired")));
    assert_eq!(complete(&world, &nina, &upload).await.json(202)["status"], "rejected");
    assert_eq!(world.media_keys().await, []);
    world.clock.advance(7 * DAY);
    work(&world).await;
    world.get(&path(&upload), &nina.token).await.problem(404, "upload_not_found");
}

#[tokio::test]
async fn a_finished_upload_is_no_longer_aborted() {
    let world = world();
    let nina = world.artist("Nina").await;
    let file = tune();
    let ready = upload(&world, &nina, announced(&file), &file).await;
    world.delete(&path(&ready), &nina.token).await.problem(409, "upload_finished");
    let rejected = upload(&world, &nina, announced(b"<html>"), b"<html>").await;
    world.delete(&path(&rejected), &nina.token).await.empty(204);
    // One that waits to be looked at is.
    let waiting = begin(&world, &nina, announced(&file)).await;
    send(&world, &waiting, &file).await;
    complete(&world, &nina, &waiting).await.json(202);
    world.delete(&path(&waiting), &nina.token).await.empty(204);
    work(&world).await;
    assert_eq!(world.tracks(&nina).await, 1);
    assert_eq!(world.media_keys().await.len(), 3);
}

#[tokio::test]
async fn the_uploads_of_a_deleted_account_go_whatever_was_sent() {
    let world = world();
    let nina = world.artist("Nina").await;
    let file = tune();
    let open = begin(&world, &nina, announced(&file)).await;
    send_part(&world, &open["parts"][0], &file).await;
    let completed = begin(&world, &nina, announced(&file)).await;
    send(&world, &completed, &file).await;
    complete(&world, &nina, &completed).await.json(202);
    world.delete("/v1/me", &nina.token).await.empty(204);
    for event in world.store.lease(100, world.clock.now(), Duration::ZERO).await.unwrap() {
        // It asks to be told once more when the last token has expired.
        let _ = world.moodify.catalog().handle(&event).await;
    }
    complete(&world, &nina, &open).await.problem(401, "invalid_token");
    world.post("/v1/uploads", &nina.token, announced(&file)).await.problem(401, "invalid_token");
    work(&world).await;
    assert_eq!(world.media_keys().await, []);
    assert_eq!(world.tracks(&nina).await, 0);
    world.clock.advance(75 * MINUTE);
    work(&world).await;
    for upload in [open, completed] {
        let id = upload["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(world.store.upload(id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_part_that_vanished_or_was_cut_rejects_the_upload() {
    for cut in [None, Some(&b"short"[..])] {
        let world = world();
        let nina = world.artist("Nina").await;
        let file = tune();
        let upload = begin(&world, &nina, announced(&file)).await;
        send(&world, &upload, &file).await;
        complete(&world, &nina, &upload).await.json(202);
        let key = world.media_keys().await.remove(0);
        match cut {
            None => world.media.delete(&key).await.unwrap(),
            Some(bytes) => {
                let body = futures::stream::once(async move { Ok(bytes.into()) });
                world.media.put(&key, bytes.len() as u64, Box::pin(body)).await.unwrap();
            }
        }
        work(&world).await;
        let rejected = ask(&world, &nina, &upload).await;
        assert_eq!(rejected["rejected_reason"], "parts_missing", "{rejected}");
        assert_eq!(world.media_keys().await, []);
    }
}
