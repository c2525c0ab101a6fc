//! What somebody may try instead.

use axum::body::Body;
use http::{Method, Request};
use moodify_core::port::MediaStore;
use serde_json::{Value, json};

use super::{
    MINUTE, PART, address, announced, ask, begin, complete, path, put, send, slice, tune, work, world,
};

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
