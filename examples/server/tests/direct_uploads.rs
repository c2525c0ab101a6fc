//! Direct uploads, end to end: the built program, killed in between, and a client that goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[cfg(any(feature = "azure", feature = "gcs"))]
#[path = "js/cloud_store.rs"]
mod cloud_store;
#[cfg(feature = "s3")]
#[path = "support/s3_server.rs"]
mod s3_server;
mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use support::{Place, Server};

/// Far more than looking at a file takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../media").join(name)).unwrap()
}

/// An artist, and the program that she talks to: another one after each restart.
struct Artist {
    client: Client,
    url: String,
    token: String,
}

impl Artist {
    async fn sign_up(server: &Server) -> Self {
        let client = Client::new();
        let url = server.url.clone();
        let body = json!({"email": "house@example.com", "password": "correct horse battery staple",
            "first_name": "Nina", "last_name": "Moreau", "artist_name": "The Moodify House Band"});
        let session = client.post(format!("{url}/v1/auth/artists/signup")).json(&body).send().await.unwrap();
        let session: Value = session.json().await.unwrap();
        Self { client, url, token: session["access_token"].as_str().unwrap().to_owned() }
    }

    async fn ask(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let asked = self.client.post(format!("{}{path}", self.url)).bearer_auth(&self.token).json(body);
        let answer = asked.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Sends these parts, by the addresses that came with them.
    async fn send<'a>(&self, parts: impl IntoIterator<Item = &'a Value>, file: &[u8]) {
        for part in parts {
            let number = |name: &str| usize::try_from(part[name].as_u64().unwrap()).unwrap();
            let bytes = file[number("offset_bytes")..number("offset_bytes") + number("size_bytes")].to_vec();
            let mut request = Client::new().put(part["url"].as_str().unwrap());
            for (name, value) in part["headers"].as_object().unwrap() {
                request = request.header(name, value.as_str().unwrap());
            }
            let sent = request.body(bytes).send().await.unwrap();
            assert!(sent.status().is_success(), "{part}: {}", sent.status());
        }
    }

    #[expect(clippy::disallowed_methods, reason = "another process does it, by its own clock")]
    async fn ended(&self, path: &str) -> Value {
        let waiting = async {
            loop {
                let upload = self.ask(path).await;
                if upload["status"] != "processing" {
                    return upload;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("somebody looks at it")
    }
}

/// The settings that this is tried with.
type Settings<'a> = &'a dyn Fn(&mut Command);

fn serve(place: &Place, settings: Settings<'_>) -> Server {
    let mut command = place.command(&["serve", "all", "--listen", "127.0.0.1:0"]);
    place.file("moodify.toml", "[catalog]\nupload_part_bytes = 20000\n");
    settings(&mut command);
    Server::start(&mut command)
}

/// Leaves the program running, that it may clean up.
async fn resumed_and_played(place: &Place, settings: Settings<'_>) -> Server {
    let file = sample("vbr-stereo-id3v24-cover.mp3");
    let server = serve(place, settings);
    let mut artist = Artist::sign_up(&server).await;
    let announced = json!({"content_type": "audio/mpeg", "size_bytes": file.len()});
    let (status, upload) = artist.post("/v1/uploads", &announced).await;
    assert_eq!(status, 201, "{upload}");
    let path = format!("/v1/uploads/{}", upload["id"].as_str().unwrap());
    let parts = upload["parts"].as_array().unwrap();
    assert_eq!(parts.len(), file.len().div_ceil(20_000));
    artist.send(&parts[1..3], &file).await;
    server.kill();

    let server = serve(place, settings);
    artist.url.clone_from(&server.url);
    let resumed = artist.ask(&path).await;
    let missing: Vec<&Value> =
        resumed["parts"].as_array().unwrap().iter().filter(|part| part["uploaded"] == false).collect();
    assert_eq!(missing.len(), parts.len() - 2);
    let (status, problem) = artist.post(&format!("{path}/complete"), &json!({})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("parts_missing")));
    artist.send(missing, &file).await;
    let (status, completed) = artist.post(&format!("{path}/complete"), &json!({})).await;
    assert_eq!((status, &completed["status"]), (202, &json!("processing")));
    server.kill();

    let server = serve(place, settings);
    artist.url.clone_from(&server.url);
    let ready = artist.ended(&path).await;
    assert_eq!(ready["status"], "ready", "{ready}");
    let listed = artist.ask("/v1/tracks").await;
    let [track] = listed["items"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!((&track["id"], &track["title"]), (&ready["track_id"], &json!("Slow Tide")));
    let played = Client::new().get(track["audio_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(played.status(), StatusCode::OK);
    assert_eq!(played.bytes().await.unwrap(), file);

    // What is no music is rejected, with its reason.
    let (_, upload) =
        artist.post("/v1/uploads", &json!({"content_type": "audio/mpeg", "size_bytes": 6})).await;
    artist.send(upload["parts"].as_array().unwrap(), b"<html>").await;
    let path = format!("/v1/uploads/{}", upload["id"].as_str().unwrap());
    artist.post(&format!("{path}/complete"), &json!({})).await;
    let rejected = artist.ended(&path).await;
    assert_eq!((&rejected["status"], &rejected["rejected_pointer"]), (&json!("rejected"), &json!("/audio")));
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_survives_kills_and_plays() {
    let place = Place::new();
    let _server = resumed_and_played(&place, &|_| ()).await;
    let folder = place.path().join("data/media/upload");
    let left = || std::fs::read_dir(&folder).map_or(0, Iterator::count);
    support::wait_for("what was sent is gone", || left() == 0);
}

#[cfg(feature = "s3")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_does_straight_to_s3() {
    let Some(s3) = s3_server::S3Server::start().await else { return };
    let place = Place::new();
    let media = s3_server::S3Server::media_at(&s3.url) + "&prefix=live";
    let settings = |command: &mut Command| {
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        command.env("HOME", place.path()).env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_ACCESS_KEY_ID", s3_server::KEY).env("AWS_SECRET_ACCESS_KEY", s3_server::SECRET);
        command.env("MOODIFY_MEDIA", &media);
    };
    let _server = resumed_and_played(&place, &settings).await;
    let left = || s3.objects().iter().filter(|name| name.contains("upload/")).count();
    support::wait_for("what was sent is gone", || left() == 0);
    assert_eq!(s3.objects().len(), 3, "{:?}", s3.objects());
}

/// Away with what whoever runs the tests has set.
#[cfg(any(feature = "azure", feature = "gcs"))]
fn without_credentials(command: &mut Command) {
    let is_one = |name: &str| name.starts_with("AZURE_") || name.starts_with("GOOGLE_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_one(&name.to_string_lossy())) {
        command.env_remove(name);
    }
}

#[cfg(feature = "gcs")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_does_straight_to_google() {
    let Some(google) = cloud_store::CloudStore::google().await else { return };
    let place = Place::new();
    let key_file = place.file("account.json", google.told("account"));
    let settings = |command: &mut Command| {
        without_credentials(command);
        command.env("GOOGLE_APPLICATION_CREDENTIALS", &key_file);
        command.env("MOODIFY_MEDIA", google.google_media() + "&prefix=live");
    };
    let _server = resumed_and_played(&place, &settings).await;
    only_what_is_played_stays(async || google.contents().await.0).await;
}

/// Waits until what was sent is gone.
#[cfg(any(feature = "azure", feature = "gcs"))]
async fn only_what_is_played_stays(stored: impl AsyncFn() -> Vec<String>) {
    for _ in 0..1_200 {
        let objects = stored().await;
        if objects.iter().all(|name| !name.contains("upload/")) {
            assert_eq!(objects.len(), 3, "{objects:?}");
            return;
        }
        pause().await;
    }
    panic!("what was sent is still there");
}

#[cfg(any(feature = "azure", feature = "gcs"))]
#[expect(clippy::disallowed_methods, reason = "another process does it, by its own clock")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[cfg(feature = "azure")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_does_straight_to_azure() {
    let Some(azure) = cloud_store::CloudStore::azure().await else { return };
    let place = Place::new();
    let settings = |command: &mut Command| {
        without_credentials(command);
        command.env("AZURE_STORAGE_ACCOUNT_KEY", azure.told("key"));
        command.env("MOODIFY_MEDIA", azure.azure_media());
    };
    let _server = resumed_and_played(&place, &settings).await;
    only_what_is_played_stays(async || azure.blobs().await).await;
}
