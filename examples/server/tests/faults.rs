//! What goes wrong around a server: it says what and what to do, and loses nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::{
    fs,
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use serde_json::json;
use support::{
    Place,
    http::{Open, get, post},
};

#[test]
fn a_data_folder_that_cannot_be_written_is_told() {
    let place = Place::new();
    place.file("occupied", "");
    place.run(&["serve", "--data", "occupied"]).assert_told("occupied is not writable", "--data");
    place.run(&["serve", "--data", "/proc/moodify"]).assert_told("/proc/moodify is not writable", "--data");
    place.run(&["migrate", "--data", "occupied"]).assert_told("occupied is not writable", "--data");
}

#[test]
fn a_taken_port_is_told() {
    let place = Place::new();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    place.run(&["serve", "--listen", &address]).assert_told(&format!("{address} is taken"), "--listen");
}

#[test]
fn a_second_server_on_the_same_data_is_turned_away() {
    let place = Place::new();
    let first = place.serve(&["all"]);
    let second = place.run(&["serve", "music", "--listen", "127.0.0.1:0"]);
    second.assert_told(&format!("process {} already runs the music service", first.pid()), "stop it first");
    place.run(&["migrate"]).assert_told("already runs", "stop it first");

    // Only its own lock is in the way of a process that runs one service.
    first.kill();
    let _auth = place.serve(&["auth"]);
    let _music = place.serve(&["music"]);
    place
        .run(&["serve", "--listen", "127.0.0.1:0"])
        .assert_told("already runs the auth service", "stop it first");
}

#[test]
fn two_data_folders_cannot_share_one_database_file() {
    let place = Place::new();
    let _first = place.serve(&["all", "--data", "one", "--database", "sqlite://shared.db"]);
    let second = ["serve", "--data", "two", "--database", "sqlite://shared.db", "--listen", "127.0.0.1:0"];
    place.run(&second).assert_told("on shared.db", "--database");
}

#[test]
fn a_corrupt_database_is_told_and_left_alone() {
    let place = Place::new();
    let garbage = "this is no database. ".repeat(1_000);
    let path = place.file("data/moodify.db", &garbage);
    place.run(&["serve", "--listen", "127.0.0.1:0"]).assert_told("moodify.db is not a database", "backup");
    assert_eq!(fs::read_to_string(path).unwrap(), garbage);
}

#[test]
fn a_url_without_its_adapter_is_refused_without_its_password() {
    let place = Place::new();
    for (flag, url, what, fix) in [
        ("--media", "gs://bucket?secret=hunter2", "its options are", "correct the URL"),
        ("--media", "az://ada:hunter2@bucket", "credentials do not belong into it", "correct the URL"),
        ("--sync", "nats://ada:hunter2@db.example", "`nats:`", "set sync"),
    ] {
        let ended = place.run(&["serve", flag, url, "--listen", "127.0.0.1:0"]);
        ended.assert_told(what, fix);
        assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
    }
}

#[test]
fn healthcheck_and_doctor_tell_a_ready_server_from_none() {
    let place = Place::new();
    let server = place.serve(&["all"]);
    let url = server.url.clone();
    let check = || place.run(&["healthcheck", "--url", &url]).code;
    assert_eq!(check(), Some(0));

    let address = url.trim_start_matches("http://");
    let doctor = place.run(&["doctor", "--listen", address]);
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    assert!(doctor.stdout.contains("a server answers"), "{doctor:?}");

    server.kill();
    assert_eq!(check(), Some(1));
}

#[test]
fn doctor_tries_every_part_and_names_what_to_mend() {
    let place = Place::new();
    let sound = place.run(&["doctor", "--listen", "127.0.0.1:0"]);
    assert_eq!(sound.code, Some(0), "{sound:?}");
    for part in
        ["data", "clock", "database", "keys", "queue", "media", "mailer", "sync", "uploads", "public_url"]
    {
        let row = sound.stdout.lines().find(|line| line.starts_with(&format!("{part} ")));
        assert!(row.is_some_and(|row| row.contains(" ok ")), "{part}: {sound:?}");
    }

    place.file("occupied", "");
    let ill = place.run(&["doctor", "--listen", "127.0.0.1:0", "--mailer", "file://occupied"]);
    ill.assert_told("one part does not work", "table");
    assert!(ill.stdout.contains("mailer      FAIL"), "{ill:?}");
    assert!(ill.stdout.contains("database    ok"), "{ill:?}");
}

#[test]
fn sigterm_lets_an_upload_finish() {
    let place = Place::new();
    let server = place.serve(&["all"]);
    let artist = json!({
        "email": "nina@example.org", "password": "low water at the pier",
        "first_name": "Nina", "last_name": "Tide", "artist_name": "Nina and the Tides",
    });
    let session = post(&server.url, "/v1/auth/artists/signup", &artist);
    assert_eq!(session.status, 201, "{session:?}");
    let token = session.json()["access_token"].as_str().unwrap().to_owned();

    let body = form(&fs::read(sample()).unwrap());
    let head = format!(
        "POST /v1/tracks HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: multipart/form-data; boundary=cut"
    );
    let (first, second) = body.split_at(body.len() / 2);
    let mut upload = Open::begin(&server.url, &head, body.len());
    upload.send(first);
    server.terminate();
    wait_until_refused(&server.url);
    upload.send(second);
    let answer = upload.answer();
    assert_eq!(answer.status, 201, "{answer:?}");
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");

    let again = place.serve(&["all"]);
    let session = json!({ "email": "nina@example.org", "password": "low water at the pier" });
    let session = post(&again.url, "/v1/auth/artists/login", &session).json();
    let track = get(&again.url, &format!("/v1/tracks/{id}"), session["access_token"].as_str().unwrap());
    assert_eq!((track.status, &track.json()["status"]), (200, &json!("ready")), "{track:?}");
}

fn sample() -> String {
    format!("{}/../media/cbr-stereo-id3v23.mp3", env!("CARGO_MANIFEST_DIR"))
}

fn form(mp3: &[u8]) -> Vec<u8> {
    let part = |name: &str, more: &str| {
        format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n")
    };
    let mut body = format!("{}\r\nLow Water\r\n", part("title", "")).into_bytes();
    body.extend(part("audio", "; filename=\"tune.mp3\"").into_bytes());
    body.extend(b"Content-Type: audio/mpeg\r\n\r\n");
    body.extend(mp3);
    body.extend(b"\r\n--cut--\r\n");
    body
}

fn wait_until_refused(url: &str) {
    let address = url.trim_start_matches("http://");
    for _ in 0..2_000 {
        if TcpStream::connect(address).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the server still takes connections after SIGTERM");
}
