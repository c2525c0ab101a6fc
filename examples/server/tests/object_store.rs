//! The program with its media in what stands for Google's and Azure's stores.
#![cfg(all(feature = "azure", feature = "gcs"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "js/cloud_store.rs"]
mod cloud_store;
mod support;

use std::path::Path;
use std::process::Command;

use cloud_store::CloudStore;
use reqwest::Client;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use support::{Ended, Place, Server};

const SERVE: [&str; 4] = ["serve", "all", "--listen", "127.0.0.1:0"];

/// The program with its media there, and no credentials of whoever runs the tests.
fn command(place: &Place, media: &str, args: &[&str]) -> Command {
    place.file("moodify.toml", format!("media = \"{media}\"\n"));
    let mut command = place.command(args);
    let is_one = |name: &str| name.starts_with("AZURE_") || name.starts_with("GOOGLE_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_one(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command.env("HOME", place.path());
    command
}

fn with_google_key(place: &Place, mut command: Command, key: &str) -> Command {
    command.env("GOOGLE_APPLICATION_CREDENTIALS", place.file("account.json", key));
    command
}

fn with_azure_key(mut command: Command, key: &str) -> Command {
    command.env("AZURE_STORAGE_ACCOUNT_KEY", key);
    command
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../media").join(name)).unwrap()
}

/// A track goes in, is listed, plays by an address of the store, and goes.
async fn goes_in_plays_and_goes(server: &Server, store: &str) {
    let (client, url) = (Client::new(), &server.url);
    let body = json!({"email": "house@example.com", "password": "correct horse battery staple",
        "first_name": "Nina", "last_name": "Moreau", "artist_name": "The Moodify House Band"});
    let session = client.post(format!("{url}/v1/auth/artists/signup")).json(&body).send().await.unwrap();
    let session: Value = session.json().await.unwrap();
    let token = session["access_token"].as_str().unwrap();
    let file = sample("vbr-stereo-id3v24-cover.mp3");
    let form = Form::new().part("audio", Part::bytes(file.clone()));
    let form = form.part("cover", Part::bytes(sample("cover.png")));
    let sent =
        client.post(format!("{url}/v1/tracks")).bearer_auth(token).multipart(form).send().await.unwrap();
    let (status, track) = (sent.status(), sent.json::<Value>().await.unwrap());
    assert_eq!(status, 201, "{track}");

    let listed = client.get(format!("{url}/v1/tracks")).bearer_auth(token).send().await.unwrap();
    let listed: Value = listed.json().await.unwrap();
    assert_eq!(listed["items"][0]["id"], track["id"]);
    // By a client that knows nothing but the address, and twice the same for this process.
    let audio = listed["items"][0]["audio_url"].as_str().unwrap();
    assert!(audio.starts_with(store), "{audio}");
    assert_eq!(track["audio_url"], audio);
    let whole = client.get(audio).send().await.unwrap();
    assert_eq!(whole.status(), 200);
    assert_eq!(whole.headers()["content-type"], "audio/mpeg");
    assert_eq!(whole.headers()["cache-control"], "private, max-age=3600, immutable");
    assert_eq!(whole.bytes().await.unwrap(), file);
    let part = client.get(audio).header("range", "bytes=1000-1999").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.bytes().await.unwrap(), file[1000..2000]);
    let cover = client.get(track["cover_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(cover.headers()["content-type"], "image/jpeg");
    let ready = client.get(format!("{url}/health/ready")).send().await.unwrap();
    assert_eq!(ready.status(), 200);

    let gone = client.delete(format!("{url}/v1/tracks/{}", track["id"].as_str().unwrap()));
    assert_eq!(gone.bearer_auth(token).send().await.unwrap().status(), 204);
    assert_eq!(client.get(audio).send().await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_track_lives_in_googles_store() {
    let Some(google) = CloudStore::google().await else { return };
    let place = Place::new();
    let media = google.google_media() + "&prefix=live";
    let server =
        Server::start(&mut with_google_key(&place, command(&place, &media, &SERVE), &google.told("account")));
    goes_in_plays_and_goes(&server, &google.told("endpoint")).await;
    assert_eq!(google.contents().await, (Vec::new(), 0));
    let log = server.kill();
    assert!(!log.contains("X-Goog-Signature") && !log.contains("PRIVATE KEY"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_track_lives_in_azures_store() {
    let Some(azure) = CloudStore::azure().await else { return };
    let place = Place::new();
    let media = azure.azure_media();
    let server = Server::start(&mut with_azure_key(command(&place, &media, &SERVE), &azure.told("key")));
    goes_in_plays_and_goes(&server, &azure.told("endpoint")).await;
    let log = server.kill();
    assert!(!log.contains("sig=") && !log.contains(&azure.told("key")), "{log}");
    // With it, all of a track but its address: nobody would hear anything.
    let mut token = command(&place, &media, &SERVE);
    let ended = Ended::from(token.env("AZURE_STORAGE_SAS_TOKEN", azure.told("sas")).output().unwrap());
    ended.assert_told("signs no URL", "AZURE_STORAGE_ACCOUNT_KEY");
}

fn media_row(ended: &Ended) -> String {
    let (_, rows) = ended.stdout.split_once("\nmedia").unwrap();
    rows.split("\nmailer").next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn start_and_doctor_say_what_is_wrong() {
    let (google, azure) = (CloudStore::google().await, CloudStore::azure().await);
    let (Some(google), Some(azure)) = (google, azure) else { return };
    let place = Place::new();
    let run = |media: &str, key: &str, args: &[&str]| {
        let command = command(&place, media, args);
        let mut command = match media.starts_with("gs:") {
            true => with_google_key(&place, command, key),
            false => with_azure_key(command, key),
        };
        Ended::from(command.output().unwrap())
    };
    let doctor = ["doctor", "--listen", "127.0.0.1:0"];
    let (at_google, at_azure) = (google.google_media(), azure.azure_media());
    let (google_key, azure_key) = (google.told("account"), azure.told("key"));
    for (media, key) in [(&at_google, &google_key), (&at_azure, &azure_key)] {
        let row = media_row(&run(media, key, &doctor));
        assert!(row.contains(" ok "), "{row}");
    }
    for (media, key, what, fix) in [
        (at_google.replace("gs://music", "gs://another"), &google_key, "NoSuchBucket", "create it"),
        (
            at_google.clone(),
            &google.told("stranger"),
            "does not know these credentials",
            "GOOGLE_APPLICATION",
        ),
        (at_google.clone() + "&account=x", &google_key, "its options are", "correct the URL"),
        (at_azure.replace("az://music", "az://another"), &azure_key, "ContainerNotFound", "create it"),
        (at_azure.clone(), &azure.told("stranger"), "Auth", "rights"),
        (at_azure.clone(), &"no base64!".to_owned(), "cannot be used", "AZURE_STORAGE_ACCOUNT_KEY"),
    ] {
        run(&media, key, &SERVE).assert_told(what, fix);
        let row = media_row(&run(&media, key, &doctor));
        assert!(row.contains("FAIL") && row.contains(what) && row.contains(fix), "{row}");
    }
    let mut week = command(&place, &at_azure, &SERVE);
    week.env("MOODIFY_CATALOG_MEDIA_URL_TTL_SECS", "604801");
    let week = Ended::from(with_azure_key(week, &azure_key).output().unwrap());
    week.assert_told("seven days", "604800");
}
