//! Uploads straight to the store: sent in parts, gone on with, completed, and everything that somebody may try instead.

mod ends;
mod flow;
mod hostile;

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request};
use moodify_core::Config;
use moodify_core::model::MediaKey;
use serde_json::{Value, json};

use crate::support::{Account, Answer, World, sample};

pub(crate) const PART: usize = 30_000;
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// With small parts, for the samples are small, and tokens that outlive every address.
pub(crate) fn world() -> World {
    with_places(20)
}

pub(crate) fn with_places(places: u32) -> World {
    let configure = |config: &mut Config| {
        config.accounts.access_token_ttl = 30 * DAY;
        config.catalog.upload_part_bytes = PART as u64;
        config.catalog.direct_uploads = places;
    };
    World::build(configure, |_| ())
}

pub(crate) fn tune() -> Vec<u8> {
    sample("vbr-stereo-id3v24-cover.mp3")
}

pub(crate) fn announced(audio: &[u8]) -> Value {
    json!({ "content_type": "audio/mpeg", "size_bytes": audio.len() })
}

pub(crate) async fn begin(world: &World, artist: &Account, body: Value) -> Value {
    world.post("/v1/uploads", &artist.token, body).await.json(201)
}

pub(crate) fn path(upload: &Value) -> String {
    format!("/v1/uploads/{}", upload["id"].as_str().unwrap())
}

pub(crate) async fn ask(world: &World, artist: &Account, upload: &Value) -> Value {
    world.get(&path(upload), &artist.token).await.json(200)
}

pub(crate) async fn complete(world: &World, artist: &Account, upload: &Value) -> Answer {
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
pub(crate) async fn work(world: &World) {
    while world.moodify.catalog().handle_due_uploads().await.unwrap() > 0 {}
}

/// Path and query of a signed address.
pub(crate) fn address(part: &Value) -> String {
    part["url"].as_str().unwrap().strip_prefix("http://music.test").unwrap().to_owned()
}

/// Sends these bytes as what they are said to be, by a client that knows nothing but the address.
pub(crate) async fn put(
    world: &World,
    url: &str,
    content_type: &str,
    announced: usize,
    bytes: &[u8],
) -> Answer {
    let request = Request::builder().method(Method::PUT).uri(url);
    let request = request.header("content-type", content_type).header("content-length", announced);
    world.send(request.body(Body::from(bytes.to_vec())).unwrap()).await
}

pub(crate) fn slice<'a>(part: &Value, file: &'a [u8]) -> &'a [u8] {
    let number = |name: &str| usize::try_from(part[name].as_u64().unwrap()).unwrap();
    &file[number("offset_bytes")..number("offset_bytes") + number("size_bytes")]
}

pub(crate) async fn send_part(world: &World, part: &Value, file: &[u8]) {
    let bytes = slice(part, file);
    let content_type = part["headers"]["content-type"].as_str().unwrap();
    put(world, &address(part), content_type, bytes.len(), bytes).await.empty(200);
}

/// Sends all that is missing.
pub(crate) async fn send(world: &World, upload: &Value, file: &[u8]) {
    for part in upload["parts"].as_array().unwrap() {
        if part["uploaded"] == false {
            send_part(world, part, file).await;
        }
    }
}

/// From nothing to the end, whichever that is.
pub(crate) async fn upload(world: &World, artist: &Account, body: Value, file: &[u8]) -> Value {
    let upload = begin(world, artist, body).await;
    send(world, &upload, file).await;
    let completed = complete(world, artist, &upload).await.json(202);
    assert_eq!(completed["status"], "processing");
    work(world).await;
    ask(world, artist, &upload).await
}

pub(crate) fn waiting(keys: &[MediaKey]) -> usize {
    keys.iter().filter(|key| key.is_upload()).count()
}
