//! Somebody deletes the account: what is personal goes from the database and the disk, what is others'
//! stays.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sqlx::{
    AssertSqlSafe, Connection, Row,
    sqlite::{SqliteConnectOptions, SqliteConnection},
};
use support::{
    Place, Server,
    http::{Answer, Open, get, post},
    wait_until,
};

/// What nobody else is called, and nothing else either.
const PERSONAL: [&str; 4] = ["quillfeather", "ottoline", "marigold", "song of the"];
const PASSWORD: &str = "low water at the pier";

#[test]
fn a_deleted_account_leaves_nothing_in_sqlite_and_in_the_media_folder() {
    let place = Place::new();
    let server = place.serve(&["all"]);
    let database = place.path().join("data/moodify.db");
    deleted_account_leaves_nothing(&place, &server, || everything(&database));
}

#[cfg(feature = "postgres")]
#[test]
fn a_deleted_account_leaves_nothing_in_postgresql_and_in_the_media_folder() {
    let Some(postgres) = support::postgres::Postgres::start() else { return };
    let place = Place::new();
    let url = postgres.database("moodify");
    let server = place.serve(&["all", "--database", &url]);
    deleted_account_leaves_nothing(&place, &server, || postgres.dump("moodify"));
}

fn deleted_account_leaves_nothing(place: &Place, server: &Server, dump: impl Fn() -> String) {
    let quill = sign_up(server, "marigold@example.org", "Ottoline", "Quillfeather");
    let nina = sign_up(server, "nina@example.org", "Nina", "Nina and the Tides");
    let kept = upload(server, &nina, "Slow Tide");
    let others_media = media(place);
    let gone = upload(server, &quill, "Song of the Quill");
    for (token, track) in [(&quill, &kept), (&nina, &gone)] {
        assert_eq!(call(server, "PUT", &format!("/v1/me/likes/{track}"), token, None).status, 204);
        let playlist = json!({ "title": "Song of the evening", "visibility": "public", "track_ids": [gone] });
        let playlist = (token == &quill).then_some(playlist);
        if let Some(playlist) = playlist {
            assert_eq!(call(server, "POST", "/v1/playlists", token, Some(playlist)).status, 201);
        }
    }
    let forgot = post(&server.url, "/v1/auth/password/forgot", &json!({ "email": "marigold@example.org" }));
    assert_eq!(forgot.status, 202);
    for personal in PERSONAL {
        assert!(dump().to_lowercase().contains(personal), "{personal} is there before");
    }

    assert_eq!(call(server, "DELETE", "/v1/me", &quill, None).status, 204);
    // By events, each in its time.
    wait_until("the media goes", || {
        let media = media(place);
        if media == others_media { Ok(()) } else { Err(media) }
    });
    let left = || {
        let all = dump().to_lowercase();
        let named = |line: &&str| PERSONAL.iter().any(|personal| line.contains(personal));
        all.lines().filter(named).map(str::to_owned).collect::<Vec<_>>()
    };
    wait_until("every name goes", || {
        let left = left();
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
    assert_eq!(get(&server.url, "/v1/me", &quill).status, 401);
    assert_eq!(get(&server.url, &format!("/v1/tracks/{gone}"), &nina).status, 404);
    assert_eq!(get(&server.url, &format!("/v1/tracks/{kept}"), &nina).status, 200);
    let likes = get(&server.url, "/v1/me/likes", &nina).json();
    assert_eq!(likes["items"], json!([]));
    // The address is free again.
    sign_up(server, "marigold@example.org", "Mari", "Another");
}

/// Every value in the database, as text where it is one.
#[tokio::main]
async fn everything(database: &Path) -> String {
    let mut raw =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(database)).await.unwrap();
    let columns = "SELECT m.name AS t, c.name AS c FROM sqlite_master AS m, pragma_table_info(m.name) AS c
                   WHERE m.type = 'table'";
    let mut found = String::new();
    for column in sqlx::query(columns).fetch_all(&mut raw).await.unwrap() {
        let (table, column): (String, String) = (column.get("t"), column.get("c"));
        let values =
            format!("SELECT CAST(\"{column}\" AS BLOB) AS v FROM \"{table}\" WHERE \"{column}\" IS NOT NULL");
        for row in sqlx::query(AssertSqlSafe(values)).fetch_all(&mut raw).await.unwrap() {
            found += &format!("{table}.{column}: {}\n", String::from_utf8_lossy(row.get("v")));
        }
    }
    found
}

fn media(place: &Place) -> BTreeSet<PathBuf> {
    let (mut files, mut folders) = (BTreeSet::new(), vec![place.path().join("data/media")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                files.insert(entry.path());
            }
        }
    }
    files
}

fn sign_up(server: &Server, email: &str, first_name: &str, artist_name: &str) -> String {
    let artist = json!({ "email": email, "password": PASSWORD, "first_name": first_name, "last_name": artist_name,
        "artist_name": artist_name });
    let session = post(&server.url, "/v1/auth/artists/signup", &artist);
    assert_eq!(session.status, 201, "{session:?}");
    session.json()["access_token"].as_str().unwrap().to_owned()
}

fn call(server: &Server, method: &str, path: &str, token: &str, body: Option<Value>) -> Answer {
    let body = body.map_or_else(String::new, |body| body.to_string());
    let head = format!(
        "{method} {path} HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}"
    );
    let mut open = Open::begin(&server.url, &head, body.len());
    open.send(body.as_bytes());
    open.answer()
}

/// The id of a new track with a cover.
fn upload(server: &Server, token: &str, title: &str) -> String {
    let sample = |name: &str| fs::read(format!("{}/../media/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let part = |name: &str| format!("\r\n--cut\r\nContent-Disposition: form-data; name=\"{name}\"");
    let mut body =
        format!("{}\r\n\r\n{title}{}; filename=\"a.mp3\"\r\n\r\n", part("title"), part("audio")).into_bytes();
    body.extend(sample("cbr-stereo-id3v23.mp3"));
    body.extend(format!("{}; filename=\"a.jpg\"\r\n\r\n", part("cover")).into_bytes());
    body.extend(sample("cover.jpg"));
    body.extend(b"\r\n--cut--\r\n");
    let head = "POST /v1/tracks HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=cut";
    let mut open = Open::begin(&server.url, &format!("{head}\r\nAuthorization: Bearer {token}"), body.len());
    open.send(&body);
    let answer = open.answer();
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["id"].as_str().unwrap().to_owned()
}
