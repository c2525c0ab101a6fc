//! The main job, end to end: the built program on an empty folder, an HTTP client, and the official
//! Socket.IO client as the devices.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[cfg(all(feature = "postgres", feature = "rabbitmq"))]
#[path = "../../../crates/moodify-adapters/tests/shared/broker.rs"]
mod broker;
#[path = "js/device.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod device;
mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect};
use serde_json::{Value, json};

use crate::device::Device;
use crate::support::{Place, Server};

const PASSWORD: &str = "correct horse battery staple";
/// Far more than a mail takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn sample(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../media");
    std::fs::read(folder.join(name)).unwrap()
}

/// Somebody with an account, and the program they talk to.
struct Person {
    client: Client,
    url: String,
    token: String,
}

impl Person {
    async fn sign_up(server: &Server, door: &str, body: Value) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        let url = server.url.clone();
        let session = client.post(format!("{url}/v1/auth/{door}/signup")).json(&body).send().await.unwrap();
        let status = session.status();
        let session: Value = session.json().await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{session}");
        let token = session["access_token"].as_str().unwrap().to_owned();
        Self { client, url, token }
    }

    #[cfg(any(feature = "mongodb", feature = "postgres"))]
    async fn log_in(server: &Server, email: &str) -> Self {
        let body = json!({"email": email, "password": PASSWORD});
        let url = server.url.clone();
        let client = Client::new();
        let session = client.post(format!("{url}/v1/auth/users/login")).json(&body).send().await.unwrap();
        assert_eq!(session.status(), StatusCode::OK);
        let session: Value = session.json().await.unwrap();
        let token = session["access_token"].as_str().unwrap().to_owned();
        Self { client, url, token }
    }

    async fn artist(server: &Server) -> Self {
        let body = json!({"email": "house@example.com", "password": PASSWORD, "first_name": "Nina",
            "last_name": "Moreau", "artist_name": "The Moodify House Band"});
        Self::sign_up(server, "artists", body).await
    }

    async fn listener(server: &Server, email: &str) -> Self {
        let body =
            json!({"email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace"});
        Self::sign_up(server, "users", body).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let response = self.request(Method::POST, path).json(&body).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.text().await.unwrap());
        response.json().await.unwrap()
    }

    async fn device(&self, name: &str) -> Device {
        let mut device = Device::connected(&self.url, &self.token).await;
        let hello = json!({"device_id": name, "name": name, "kind": "web", "capabilities": []});
        let welcome = device.emit("hello", hello).await;
        assert_eq!(welcome["state"]["playing"], false, "{welcome}");
        device
    }
}

async fn upload(artist: &Person) -> Value {
    let audio = Part::bytes(sample("vbr-stereo-id3v24-cover.mp3")).file_name("../../etc/passwd");
    let cover = Part::bytes(sample("cover.png")).file_name("cover.png");
    let form = Form::new().part("audio", audio).part("cover", cover);
    let response = artist.request(Method::POST, "/v1/tracks").multipart(form).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let track: Value = response.json().await.unwrap();
    assert_eq!(track["title"], "Slow Tide", "the tag's title");
    assert_eq!(track["genre"], "Ambient");
    assert_eq!(track["artist"]["name"], "The Moodify House Band");
    assert!(track["duration_ms"].as_i64().unwrap().abs_diff(5538) < 100);
    track
}

/// Plays through signed URLs, with nothing but them.
async fn listens(listener: &Person, track: &Value) {
    let file = sample("vbr-stereo-id3v24-cover.mp3");
    let fetch = |url: &str, range: &str| Client::new().get(url).header("range", range.to_owned()).send();
    let audio = track["audio_url"].as_str().unwrap();
    let part = fetch(audio, "bytes=1000-1999").await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-type"], "audio/mpeg");
    assert_eq!(part.headers()["content-range"], format!("bytes 1000-1999/{}", file.len()).as_str());
    assert_eq!(part.bytes().await.unwrap(), file[1000..2000]);

    let stable = format!("/v1/tracks/{}/audio", track["id"].as_str().unwrap());
    let redirect = listener.request(Method::GET, &stable).send().await.unwrap();
    assert_eq!(redirect.status(), StatusCode::TEMPORARY_REDIRECT);
    let fresh = redirect.headers()["location"].to_str().unwrap();
    assert_eq!(Client::new().get(fresh).send().await.unwrap().bytes().await.unwrap(), file);

    let bare = audio.split('?').next().unwrap();
    let tampered = audio.replace("sig=", "sig=A");
    let past_the_end = format!("bytes={}-", file.len());
    for (url, range, status) in [
        (tampered.as_str(), "bytes=0-", StatusCode::FORBIDDEN),
        (bare, "bytes=0-", StatusCode::FORBIDDEN),
        (audio, &past_the_end, StatusCode::RANGE_NOT_SATISFIABLE),
    ] {
        assert_eq!(fetch(url, range).await.unwrap().status(), status, "{url}");
    }

    let cover = Client::new().get(track["cover_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(cover.headers()["content-type"], "image/jpeg");
    assert!(cover.bytes().await.unwrap().starts_with(&[0xFF, 0xD8, 0xFF]));
}

fn command(id: &str, seq: u32, op: &str, args: &Value) -> Value {
    json!({"command_id": id, "seq": seq, "op": op, "args": args})
}

/// Two devices of one listener stay in step; another listener's device hears nothing.
async fn plays_on_two_devices(listener: &Person, stranger: &Person, track: &Value) {
    let (mut phone, mut kitchen) = (listener.device("phone").await, listener.device("kitchen").await);
    let mut foreign = stranger.device("elsewhere").await;

    let play = phone.emit("command", command("start", 1, "play", &json!({"track_id": track["id"]}))).await;
    assert_eq!(play["ok"], true, "{play}");
    let state = kitchen.event("state").await;
    assert_eq!((&state["rev"], &state["playing"]), (&play["rev"], &json!(true)), "{state}");
    assert_eq!(state["queue"][0]["track_id"], track["id"]);
    assert_eq!(state["at_us"], play["at_us"], "both start at one moment");
    assert_eq!(state["cause"]["device_id"], "phone");

    let seek = kitchen.emit("command", command("skip", 1, "seek", &json!({"position_ms": 2500}))).await;
    assert_eq!(phone.event("state").await["position_ms"], 2500);
    let pause = phone.emit("command", command("rest", 2, "pause", &json!({}))).await;
    let paused = kitchen.event("state").await;
    assert_eq!((&paused["playing"], &paused["rev"]), (&json!(false), &pause["rev"]));
    assert!(pause["rev"].as_u64() > seek["rev"].as_u64());

    let epoch = &paused["epoch"];
    let same = kitchen.emit("resync", json!({"epoch": epoch, "rev": pause["rev"]})).await;
    assert_eq!(same["unchanged"], true, "{same}");
    let behind = kitchen.emit("resync", json!({"epoch": epoch, "rev": play["rev"]})).await;
    assert_eq!(behind["state"]["rev"], pause["rev"]);

    // What was sent to the stranger before this answer would stand before it.
    foreign.emit("resync", json!({"epoch": epoch, "rev": 0})).await;
    assert_eq!(foreign.heard("state"), Vec::<Value>::new());
    assert_eq!(phone.heard("state").len() + kitchen.heard("state").len(), 0, "nobody hears an echo");
}

async fn makes_a_playlist(listener: &Person, track: &Value) {
    let playlist = listener.post("/v1/playlists", json!({"title": "Evening"})).await;
    let path = format!("/v1/playlists/{}", playlist["id"].as_str().unwrap());
    let twice = json!({"track_ids": [track["id"], track["id"]]});
    let filled = listener.post(&format!("{path}/tracks"), twice).await;
    assert_eq!(filled["entries"].as_array().unwrap().len(), 2, "{filled}");
    let entry = filled["entries"][0]["id"].as_str().unwrap();
    let removed = listener.request(Method::DELETE, &format!("{path}/tracks/{entry}")).send().await.unwrap();
    assert!(removed.status().is_success());
    let read = listener.get(&path).await;
    assert_eq!(read["entries"].as_array().unwrap().len(), 1);
    assert_eq!(read["entries"][0]["track"]["title"], "Slow Tide");
    assert_eq!(listener.get("/v1/playlists?owner=me").await["items"][0]["title"], "Evening");
}

/// The welcome mails to this address, as they lie in the mailbox.
fn mails_to(place: &Place, address: &str) -> Vec<String> {
    let Ok(folder) = std::fs::read_dir(place.path().join("data/mail")) else { return Vec::new() };
    let files = folder.map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.to_string_lossy().ends_with(".welcome.eml"));
    let texts = files.map(|path| std::fs::read_to_string(path).unwrap());
    texts.filter(|text| text.contains(address)).collect()
}

#[expect(clippy::disallowed_methods, reason = "another process writes the mail, by its own clock")]
async fn mail_to(place: &Place, address: &str) -> String {
    let wait = async {
        while mails_to(place, address).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("no mail to {address}"));
    let mut mails = mails_to(place, address);
    assert_eq!(mails.len(), 1, "one mail to {address}");
    mails.remove(0)
}

fn stored_media(place: &Place) -> Vec<PathBuf> {
    let folders = ["audio", "cover"].map(|name| place.path().join("data/media").join(name));
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    files.map(|entry| entry.unwrap().path()).collect()
}

async fn deletes(artist: &Person, track: &Value, place: &Place) {
    assert_eq!(stored_media(place).len(), 3, "audio and two covers");
    let path = format!("/v1/tracks/{}", track["id"].as_str().unwrap());
    let deleted: Response = artist.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_eq!(stored_media(place), Vec::<PathBuf>::new());
    let gone = Client::new().get(track["audio_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_sign_up_to_the_second_device() {
    if !device::is_available() {
        return;
    }
    let place = Place::new();
    let server = place.serve(&["all"]);
    main_job(&place, &server, &server).await;
    ends_well(server);
}

/// Two processes share one database and one folder of media, as behind a load balancer: what is done at
/// one of them is seen at the other.
#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_postgres_do_the_main_job() {
    if !device::is_available() {
        return;
    }
    let Some(postgres) = support::postgres::Postgres::start() else { return };
    two_processes_do_the_main_job(&postgres.database("moodify")).await;
}

/// The same on MongoDB.
#[cfg(feature = "mongodb")]
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_mongodb_do_the_main_job() {
    if !device::is_available() {
        return;
    }
    let Some(server) = support::mongodb::Server::start() else { return };
    two_processes_do_the_main_job(&server.url("moodify")).await;
}

/// Four services, of two of them two processes, with a database each, behind one address: nobody who comes there
/// notices.
#[cfg(all(feature = "postgres", feature = "rabbitmq"))]
#[tokio::test(flavor = "multi_thread")]
async fn the_services_apart_do_the_main_job() {
    use support::apart::{Addresses, Apart};
    if !device::is_available() {
        return;
    }
    let Some(addresses) = Addresses::choose(2, 2) else { return };
    let Some(postgres) = support::postgres::Postgres::start() else { return };
    let Some(broker) = broker::Broker::start() else { return };
    let place = Place::new();
    let own = |service: &str| postgres.database(&format!("moodify_{service}"));
    place.file("moodify.toml", addresses.settings(&broker.url(), own));
    let apart = Apart::start(&place, addresses);
    main_job(&place, &apart.front, &apart.front).await;
    apart.ends_well();
}

#[cfg(any(feature = "mongodb", feature = "postgres"))]
async fn two_processes_do_the_main_job(database: &str) {
    let place = Place::new();
    let public = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    place.file("moodify.toml", format!("database = \"{database}\"\npublic_url = \"http://{public}\"\n"));
    let (one, other) = std::thread::scope(|scope| {
        // At once on an empty database.
        let one = scope.spawn(|| place.serve_at(&public, &["all"]));
        let other = place.serve(&["all"]);
        (one.join().unwrap(), other)
    });
    main_job(&place, &one, &other).await;

    let mut ada = Person::log_in(&one, "ada@example.com").await;
    assert_eq!(ada.get("/v1/playlists?owner=me").await["items"][0]["title"], "Evening");
    ada.url.clone_from(&other.url);
    assert_eq!(ada.get("/v1/me").await["email"], "ada@example.com", "one's token at the other");
    for address in ["ada@example.com", "eve@example.com", "house@example.com"] {
        assert_eq!(mails_to(&place, address).len(), 1, "one mail to {address}");
    }
    ends_well(one);
    ends_well(other);
}

fn ends_well(server: Server) {
    server.terminate();
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
}

/// The artist works at `one`, the listeners at `other`.
async fn main_job(place: &Place, one: &Server, other: &Server) {
    let artist = Person::artist(one).await;
    let track = upload(&artist).await;

    let listener = Person::listener(other, "ada@example.com").await;
    let stranger = Person::listener(other, "eve@example.com").await;
    let found = listener.get("/v1/tracks?q=slow%20mood").await;
    assert_eq!(found["items"][0]["id"], track["id"], "{found}");
    listens(&listener, &found["items"][0]).await;
    plays_on_two_devices(&listener, &stranger, &track).await;
    makes_a_playlist(&listener, &track).await;

    let mail = mail_to(place, "ada@example.com").await;
    assert!(mail.contains("Subject: Welcome to Moodify\r\n"), "{mail}");
    assert!(
        mail.contains("multipart/alternative") && mail.contains("text/plain") && mail.contains("text/html")
    );
    mail_to(place, "house@example.com").await;
    mail_to(place, "eve@example.com").await;
    deletes(&artist, &track, place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_right_after_a_sign_up_loses_nothing_and_sends_one_mail() {
    let place = Place::new();
    for round in 0..5 {
        let server = place.serve(&["all"]);
        Person::listener(&server, &format!("round{round}@example.com")).await;
        server.kill();
    }
    let server = place.serve(&["all"]);
    for round in 0..5 {
        let email = format!("round{round}@example.com");
        mail_to(&place, &email).await;
        let body = json!({"email": email, "password": PASSWORD});
        let url = format!("{}/v1/auth/users/login", server.url);
        let session = Client::new().post(url).json(&body).send().await.unwrap();
        assert_eq!(session.status(), StatusCode::OK);
    }
    server.terminate();
    assert_eq!(server.ended().0, Some(0));
    for round in 0..5 {
        assert_eq!(mails_to(&place, &format!("round{round}@example.com")).len(), 1);
    }
}
