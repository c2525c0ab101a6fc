//! The steps of the main job, the same ones for every deployment.

use std::path::Path;
use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect};
use serde_json::{Value, json};

use crate::device::Device;

pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// Far more than a mail takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What deployments do differently: where clients go, and where things are that no API shows.
pub(crate) trait Deployment {
    /// Where the artist goes, and where the listeners go.
    fn doors(&self) -> [String; 2];

    /// How the phone, the kitchen and the stranger's device connect, in words of `device.mjs`.
    async fn ways(&self) -> [Value; 3] {
        [json!({}), json!({}), json!({})]
    }

    /// The welcome mails to this address, as they were sent.
    async fn mails_to(&self, address: &str) -> Vec<String>;

    /// The names of all that is in the store of media.
    fn stored_media(&self) -> Vec<String>;
}

/// The artist works at one door, the listeners come in by the other.
pub(crate) async fn main_job(deployment: &impl Deployment) {
    let [one, other] = deployment.doors();
    let artist = Person::artist(&one).await;
    let track = upload(&artist).await;

    let listener = Person::listener(&other, "ada@example.com").await;
    let stranger = Person::listener(&other, "eve@example.com").await;
    let found = listener.get("/v1/tracks?q=slow%20mood").await;
    assert_eq!(found["items"][0]["id"], track["id"], "{found}");
    listens(&listener, &found["items"][0]).await;
    plays_on_two_devices(deployment.ways().await, &listener, &stranger, &track).await;
    makes_a_playlist(&listener, &track).await;

    let mail = mail_to(deployment, "ada@example.com").await;
    assert!(mail.contains("Subject: Welcome to Moodify\r\n"), "{mail}");
    assert!(
        mail.contains("multipart/alternative") && mail.contains("text/plain") && mail.contains("text/html")
    );
    mail_to(deployment, "house@example.com").await;
    mail_to(deployment, "eve@example.com").await;
    deletes(&artist, &track, deployment).await;
}

fn sample(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../media");
    std::fs::read(folder.join(name)).unwrap()
}

/// Somebody with an account, and the program they talk to.
pub(crate) struct Person {
    client: Client,
    pub(crate) url: String,
    token: String,
}

impl Person {
    async fn sign_up(url: &str, door: &str, body: Value) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        let url = url.to_owned();
        let session = client.post(format!("{url}/v1/auth/{door}/signup")).json(&body).send().await.unwrap();
        let status = session.status();
        let session: Value = session.json().await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{session}");
        let token = session["access_token"].as_str().unwrap().to_owned();
        Self { client, url, token }
    }

    #[cfg(any(feature = "mongodb", feature = "postgres"))]
    pub(crate) async fn log_in(url: &str, email: &str) -> Self {
        let body = json!({"email": email, "password": PASSWORD});
        let url = url.to_owned();
        let client = Client::new();
        let session = client.post(format!("{url}/v1/auth/users/login")).json(&body).send().await.unwrap();
        assert_eq!(session.status(), StatusCode::OK);
        let session: Value = session.json().await.unwrap();
        let token = session["access_token"].as_str().unwrap().to_owned();
        Self { client, url, token }
    }

    async fn artist(url: &str) -> Self {
        let body = json!({"email": "house@example.com", "password": PASSWORD, "first_name": "Nina",
            "last_name": "Moreau", "artist_name": "The Moodify House Band"});
        Self::sign_up(url, "artists", body).await
    }

    pub(crate) async fn listener(url: &str, email: &str) -> Self {
        let body =
            json!({"email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace"});
        Self::sign_up(url, "users", body).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let response = self.request(Method::POST, path).json(&body).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.text().await.unwrap());
        response.json().await.unwrap()
    }

    async fn device(&self, way: &Value, name: &str) -> Device {
        let (mut device, mut request) = (Device::start(), way.clone());
        request["url"] = self.url.as_str().into();
        request["token"] = self.token.as_str().into();
        device.connect_with(request).await.unwrap();
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
    let tampered = tampered(audio);
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

/// The same address with another signature.
fn tampered(url: &str) -> String {
    let name = ["X-Amz-Signature=", "sig="].into_iter().find(|name| url.contains(*name));
    let name = name.unwrap_or_else(|| panic!("no signature: {url}"));
    let first = url.find(name).unwrap() + name.len();
    let other = if url[first..].starts_with('0') { "1" } else { "0" };
    format!("{}{other}{}", &url[..first], &url[first + 1..])
}

fn command(id: &str, seq: u32, op: &str, args: &Value) -> Value {
    json!({"command_id": id, "seq": seq, "op": op, "args": args})
}

/// Two devices of one listener stay in step; another listener's device hears nothing.
async fn plays_on_two_devices(ways: [Value; 3], listener: &Person, stranger: &Person, track: &Value) {
    let mut phone = listener.device(&ways[0], "phone").await;
    let mut kitchen = listener.device(&ways[1], "kitchen").await;
    let mut foreign = stranger.device(&ways[2], "elsewhere").await;

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

#[expect(clippy::disallowed_methods, reason = "another process sends the mail, by its own clock")]
pub(crate) async fn mail_to(deployment: &impl Deployment, address: &str) -> String {
    let wait = async {
        while deployment.mails_to(address).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("no mail to {address}"));
    let mut mails = deployment.mails_to(address).await;
    assert_eq!(mails.len(), 1, "one mail to {address}");
    mails.remove(0)
}

async fn deletes(artist: &Person, track: &Value, deployment: &impl Deployment) {
    assert_eq!(deployment.stored_media().len(), 3, "audio and two covers");
    let path = format!("/v1/tracks/{}", track["id"].as_str().unwrap());
    let deleted: Response = artist.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_eq!(deployment.stored_media(), Vec::<String>::new());
    let gone = Client::new().get(track["audio_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
}
