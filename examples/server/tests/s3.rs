//! The program with its media in a real S3.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../../../crates/moodify-adapters/tests/s3/proxy.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod proxy;
#[path = "support/s3_server.rs"]
mod s3_server;
mod support;

use std::path::Path;
use std::process::Command;

use proxy::{Proxy, Way};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, redirect};
use s3_server::{KEY, S3Server, SECRET};
use serde_json::{Value, json};
use support::{Ended, Place, Server, wait_for};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The program with its media there, and no credentials of whoever runs the tests.
fn command(place: &Place, media: &str, args: &[&str]) -> Command {
    place.file("moodify.toml", format!("media = \"{media}\"\n"));
    let mut command = place.command(args);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.env("HOME", place.path()).env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

fn with_keys<'a>(command: &'a mut Command, secret: &str) -> &'a mut Command {
    command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", secret)
}

const SERVE: [&str; 4] = ["serve", "all", "--listen", "127.0.0.1:0"];

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../media").join(name)).unwrap()
}

struct Artist {
    client: Client,
    url: String,
    token: String,
}

impl Artist {
    async fn sign_up(server: &Server) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        let url = server.url.clone();
        let body = json!({"email": "house@example.com", "password": "correct horse battery staple",
            "first_name": "Nina", "last_name": "Moreau", "artist_name": "The Moodify House Band"});
        let session = client.post(format!("{url}/v1/auth/artists/signup")).json(&body).send().await.unwrap();
        let session: Value = session.json().await.unwrap();
        Self { client, url, token: session["access_token"].as_str().unwrap().to_owned() }
    }

    async fn upload(&self) -> (u16, Value) {
        let audio = Part::bytes(sample("vbr-stereo-id3v24-cover.mp3"));
        self.send(Form::new().part("audio", audio).part("cover", Part::bytes(sample("cover.png")))).await
    }

    async fn send(&self, form: Form) -> (u16, Value) {
        let request = self.client.post(format!("{}/v1/tracks", self.url)).bearer_auth(&self.token);
        let answer = request.multipart(form).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.token).send().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_track_goes_in_plays_by_signed_urls_and_goes() {
    let Some(s3) = S3Server::start().await else { return };
    let place = Place::new();
    let media = S3Server::media_at(&s3.url) + "&prefix=live";
    let server = Server::start(with_keys(&mut command(&place, &media, &SERVE), SECRET));
    let artist = Artist::sign_up(&server).await;
    let (status, track) = artist.upload().await;
    assert_eq!(status, 201, "{track}");
    assert_eq!(s3.objects().len(), 3, "audio and a cover in two sizes");
    assert!(s3.objects().iter().all(|name| name.starts_with("live/")), "{:?}", s3.objects());

    // By a client that knows nothing but the addresses.
    let plain = Client::new();
    let file = sample("vbr-stereo-id3v24-cover.mp3");
    let audio = track["audio_url"].as_str().unwrap();
    assert!(audio.starts_with(&s3.url), "{audio}");
    let part = plain.get(audio).header("range", "bytes=1000-1999").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-type"], "audio/mpeg");
    assert_eq!(part.headers()["content-range"], format!("bytes 1000-1999/{}", file.len()).as_str());
    assert_eq!(part.bytes().await.unwrap(), file[1000..2000]);
    let past_the_end = plain.get(audio).header("range", format!("bytes={}-", file.len()));
    assert_eq!(past_the_end.send().await.unwrap().status(), 416);
    let tampered = audio.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200");
    let bare = audio.split('?').next().unwrap();
    for url in [tampered.as_str(), bare] {
        assert_eq!(plain.get(url).send().await.unwrap().status(), 403, "{url}");
    }
    let cover = plain.get(track["cover_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(cover.headers()["content-type"], "image/jpeg");
    assert!(cover.bytes().await.unwrap().starts_with(&[0xFF, 0xD8, 0xFF]));

    // The stable address.
    let id = track["id"].as_str().unwrap();
    let stable = artist.get(&format!("/v1/tracks/{id}/audio")).await;
    assert_eq!(stable.status(), 307);
    let fresh = stable.headers()["location"].to_str().unwrap();
    assert_eq!(plain.get(fresh).send().await.unwrap().bytes().await.unwrap(), file);
    assert_eq!(artist.get("/health/ready").await.status(), 200);
    assert_eq!(artist.get("/media/audio/x").await.status(), 404);

    let delete = artist.client.delete(format!("{}/v1/tracks/{id}", artist.url)).bearer_auth(&artist.token);
    assert_eq!(delete.send().await.unwrap().status(), 204);
    assert_eq!(plain.get(audio).send().await.unwrap().status(), 404);
    assert_eq!(s3.objects(), [""; 0]);
    let log = server.kill();
    assert!(!log.contains(SECRET) && !log.contains("X-Amz-Signature"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_s3_uploads_fail_lists_go_on_and_nothing_stays() {
    let Some(s3) = S3Server::start().await else { return };
    let place = Place::new();
    let media = S3Server::media_at(&s3.url);
    let server = Server::start(with_keys(&mut command(&place, &media, &SERVE), SECRET));
    let artist = Artist::sign_up(&server).await;
    let (_, track) = artist.upload().await;
    drop(s3);
    let (status, problem) = artist.upload().await;
    assert_eq!((status, problem["code"].as_str().unwrap()), (503, "unavailable"), "{problem}");
    assert!(!problem.to_string().contains("reached"), "{problem}");
    let tracks: Value = artist.get("/v1/tracks").await.json().await.unwrap();
    assert_eq!(tracks["items"][0]["id"], track["id"]);
    assert_eq!(tracks["items"].as_array().unwrap().len(), 1);
    let ready = artist.get("/health/ready").await;
    assert_eq!(ready.status(), 503);
    assert!(ready.text().await.unwrap().contains("{\"name\":\"media\",\"status\":\"failed\"}"));
    assert!(server.kill().contains("S3 cannot be reached"));
}

/// Cut in the middle of a part, refused, and told to slow down: an upload is answered with a code, nothing of it is
/// there, no part is left, and the next one goes through. A store that is only slow takes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_s3_does_not_take_leaves_nothing() {
    let Some(s3) = S3Server::start().await else { return };
    let proxy = Proxy::before(&s3.url).await;
    let place = Place::new();
    let media = S3Server::media_at(&proxy.url);
    let server = Server::start(with_keys(&mut command(&place, &media, &SERVE), SECRET));
    let artist = Artist::sign_up(&server).await;
    // Two parts of S3, and far less sound than a look at it may cost.
    let tune = sample("cbr-mono-untagged.mp3").repeat(165);
    let form = || Form::new().text("title", "Hymn").part("audio", Part::bytes(tune.clone()));
    let upload = || artist.send(form());
    let ways = [Way::CutAfter(1_000_000), Way::Refusing, Way::Answer("503 Slow Down")];
    for (stored, way) in ways.into_iter().enumerate() {
        proxy.set(way.clone());
        let (status, problem) = upload().await;
        assert_eq!((status, problem["code"].as_str()), (503, Some("unavailable")), "{way:?}: {problem}");
        let tracks: Value = artist.get("/v1/tracks").await.json().await.unwrap();
        assert_eq!(tracks["items"].as_array().unwrap().len(), stored, "{way:?}: {tracks}");
        proxy.set(Way::Open);
        wait_for("no part is left", || s3.unfinished().is_empty());
        assert_eq!(s3.objects().len(), stored, "{way:?}: {:?}", s3.objects());
        proxy.set(Way::Slow);
        let (status, track) = upload().await;
        assert_eq!(status, 201, "{way:?}: {track}");
        proxy.set(Way::Open);
        assert_eq!(artist.get("/health/ready").await.status(), 200, "{way:?}");
    }
    assert_eq!(s3.objects().len(), 3);
}

/// Plays the service that gives a task its credentials: for two minutes.
async fn role() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/role", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let _ = client.read(&mut [0; 4096]).await;
            let end =
                std::process::Command::new("date").args(["-u", "-d", "+2 min", "+%FT%TZ"]).output().unwrap();
            let end = String::from_utf8(end.stdout).unwrap();
            let body = json!({"AccessKeyId": KEY, "SecretAccessKey": SECRET, "Token": "session",
                "Expiration": end.trim(), "RoleArn": "arn:aws:iam::1:role/music"});
            let body = body.to_string();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
            let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            let _ = client.write_all(answer.as_bytes()).await;
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn urls_end_before_the_credentials_of_a_task() {
    let Some(s3) = S3Server::start().await else { return };
    let place = Place::new();
    let mut command = command(&place, &S3Server::media_at(&s3.url), &SERVE);
    let server = Server::start(command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", role().await));
    let artist = Artist::sign_up(&server).await;
    let (status, track) = artist.upload().await;
    assert_eq!(status, 201, "{track}");
    let audio = track["audio_url"].as_str().unwrap();
    assert!(audio.contains("X-Amz-Security-Token=session"), "{audio}");
    assert_eq!(Client::new().get(audio).send().await.unwrap().status(), 200);
    let ends: moodify_core::model::Timestamp = track["urls_expire_at"].as_str().unwrap().parse().unwrap();
    let created: moodify_core::model::Timestamp = track["created_at"].as_str().unwrap().parse().unwrap();
    let life = ends.duration_since(created).as_secs();
    assert!((90..=115).contains(&life), "{life} s");
}

fn media_row(ended: &Ended) -> String {
    let (_, rows) = ended.stdout.split_once("\nmedia").unwrap();
    rows.split("\nmailer").next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn start_and_doctor_say_what_is_wrong() {
    let Some(s3) = S3Server::start().await else { return };
    let place = Place::new();
    let media = S3Server::media_at(&s3.url);
    let doctor = ["doctor", "--listen", "127.0.0.1:0"];
    let run = |media: &str, secret: &str, args: &[&str]| {
        Ended::from(with_keys(&mut command(&place, media, args), secret).output().unwrap())
    };
    let sound = media_row(&run(&media, SECRET, &doctor));
    assert!(sound.contains(" ok ") && sound.contains("s3://music"), "{sound}");
    for (media, secret, what, fix) in [
        (media.replace("music", "another"), SECRET, "NoSuchBucket", "create it"),
        (media.clone(), "hunter2", "SignatureDoesNotMatch", "AWS_ACCESS_KEY_ID"),
        (media.replace("path_style=true", "path_style=maybe"), SECRET, "path_style is true or false", "URL"),
        (media.clone() + "&secret=hunter2", SECRET, "its options are", "correct the URL"),
    ] {
        let started = run(&media, secret, &SERVE);
        started.assert_told(what, fix);
        let row = media_row(&run(&media, secret, &doctor));
        assert!(row.contains("FAIL") && row.contains(what) && row.contains(fix), "{row}");
        assert!(!format!("{started:?}{row}").contains("hunter2"), "{row}");
    }
    let nobody = Ended::from(command(&place, &media, &SERVE).output().unwrap());
    nobody.assert_told("no credentials for S3", "AWS_ACCESS_KEY_ID");
    let nowhere =
        Ended::from(with_keys(&mut command(&place, "s3://music", &SERVE), SECRET).output().unwrap());
    nowhere.assert_told("in which region", "AWS_REGION");
    let mut week = command(&place, &media, &SERVE);
    week.env("MOODIFY_CATALOG_MEDIA_URL_TTL_SECS", "604801");
    Ended::from(with_keys(&mut week, SECRET).output().unwrap()).assert_told("seven days", "604800");
}
