//! From the first part to the track.

use axum::body::Body;
use http::{Method, Request};
use moodify_core::model::EventPayload;
use serde_json::{Value, json};

use super::{
    MINUTE, PART, address, announced, ask, begin, complete, path, put, send, send_part, slice, tune, waiting,
    work, world,
};
use crate::support::sample;

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
