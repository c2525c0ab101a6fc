//! `moodify import-mongo`: a deployment on Express and Mongoose comes over, each of its documents once.
#![cfg(feature = "mongodb")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod every_database;
mod kills;
mod odd;
mod old;
#[cfg(feature = "s3")]
#[path = "../support/s3_server.rs"]
mod s3_server;
#[path = "../support/mod.rs"]
mod support;

use std::{collections::BTreeMap, fs, ops::Deref, process::Command, thread};

use mongodb::bson::doc;
use old::{Old, PASSWORD, id, music, playlist, sample, user, with};
use serde_json::{Value, json};
use support::{
    Ended, Place, Server,
    http::{Open, get, post},
};

/// A server that ends in good order before its database is removed: one that dies in the middle of a step leaves it to
/// the database for a minute, and SecantusDB then removes for ever, while nobody else is served.
struct Serving(Option<Server>);

impl Serving {
    fn start(place: &Place) -> Self {
        Self(Some(place.serve(&["all"])))
    }
}

impl Deref for Serving {
    type Target = Server;

    fn deref(&self) -> &Server {
        self.0.as_ref().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(server) = self.0.take().filter(|_| !thread::panicking()) {
            server.terminate();
            server.ended();
        }
    }
}

/// An import of this database and this bucket, as a program reads it.
fn command(place: &Place, old: &Old, bucket: &str) -> Command {
    let mut command = place.command(&["import-mongo", "--bucket", bucket, "--json"]);
    // As its help advises for URLs with passwords.
    command.env("IMPORT_MONGO_URL", old.url());
    command
}

/// The same with the folder `bucket`, run to its end.
fn import(place: &Place, old: &Old, more: &[&str]) -> Ended {
    let mut ended = Ended::from(command(place, old, "bucket").args(more).output().unwrap());
    // What is left are the words of a failure.
    ended.stderr = ended.stderr.lines().filter(|line| !line.starts_with('[')).collect::<Vec<_>>().join("\n");
    assert!(!format!("{ended:?}").contains("$2a$"), "a hash is told: {ended:?}");
    ended
}

fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// How many users, musics and playlists came, were skipped, and failed.
fn counts(report: &Value) -> [[u64; 3]; 3] {
    let count = |of: &str, which: &str| report[of][which].as_u64().unwrap();
    ["users", "musics", "playlists"].map(|of| ["imported", "skipped", "failed"].map(|which| count(of, which)))
}

/// What the report says of the document with this number.
fn entry(report: &Value, kind: &str, number: u32) -> Value {
    entry_with_id(report, kind, &id(number).to_hex())
}

fn entry_with_id(report: &Value, kind: &str, id: &str) -> Value {
    let documents = report["documents"].as_array().unwrap();
    let found = documents.iter().find(|entry| entry["kind"] == kind && entry["id"] == id);
    found.unwrap_or_else(|| panic!("no {kind} {id} in {report}")).clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// A token of somebody with an old password, if that works.
fn log_in(server: &Server, door: &str, email: &str) -> Option<Value> {
    let answer =
        post(&server.url, &format!("/v1/auth/{door}/login"), &json!({"email": email, "password": PASSWORD}));
    (answer.status == 200).then(|| answer.json())
}

fn token(server: &Server, door: &str, email: &str) -> String {
    let session = log_in(server, door, email).unwrap_or_else(|| panic!("{email} cannot log in"));
    text(&session["access_token"]).to_owned()
}

fn items(server: &Server, path: &str, token: &str) -> Vec<Value> {
    let page = get(&server.url, path, token).json();
    page["items"].as_array().unwrap_or_else(|| panic!("{path}: {page}")).clone()
}

/// All tracks of the artist with this token, as the artist sees them.
fn own_tracks(server: &Server, token: &str) -> Vec<Value> {
    let account = get(&server.url, "/v1/me", token).json();
    items(server, &format!("/v1/tracks?artist_id={}", text(&account["artist_id"])), token)
}

fn titles(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| text(&item["title"])).collect()
}

/// The titles of the tracks of a playlist, in order.
fn places(server: &Server, playlist: &str, token: &str) -> Vec<String> {
    let entries = items(server, &format!("/v1/playlists/{playlist}/tracks"), token);
    entries.iter().map(|entry| text(&entry["track"]["title"]).to_owned()).collect()
}

fn playlists(server: &Server, token: &str) -> BTreeMap<String, Value> {
    let items = items(server, "/v1/playlists?owner=me", token);
    items.into_iter().map(|playlist| (text(&playlist["title"]).to_owned(), playlist)).collect()
}

/// Nina, an artist, with three musics; Ada, who listens, with a playlist of them.
fn fill(old: &Old, place: &Place) {
    old.insert("users", [user(1, "Nina", "artist"), user(2, "Ada", "user")]);
    old.insert(
        "musics",
        [
            with(music(10, 1, "Low Water", "musics/one"), doc! { "coverImageKey": "covers/one.png" }),
            music(11, 1, "High Water", "musics/two"),
            with(music(12, 1, "Undertow", "musics/three"), doc! { "isPrivate": true, "genre": "Dub" }),
        ],
    );
    old.insert("playlists", [playlist(20, 2, "Evening", &[11, 10, 11])]);
    place.file("bucket/musics/one", sample("cbr-mono-untagged.mp3"));
    place.file("bucket/musics/two", sample("cbr-stereo-id3v23.mp3"));
    place.file("bucket/musics/three", sample("vbr-mono-unicode.mp3"));
    place.file("bucket/covers/one.png", sample("cover.png"));
}

#[test]
fn people_go_on_where_they_were() {
    let Some(old) = Old::new("people") else { return };
    let place = Place::new();
    fill(&old, &place);
    let done = import(&place, &old, &[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let report = report(&done);
    assert_eq!(counts(&report), [[2, 0, 0], [3, 0, 0], [1, 0, 0]], "{report}");

    let server = Serving::start(&place);
    let session = log_in(&server, "artists", "nina@example.org").unwrap();
    let account = &session["account"];
    assert_eq!((&account["first_name"], &account["last_name"]), (&json!("Nina"), &json!("Tide")));
    assert_eq!((&account["email_verified"], &account["role"]), (&json!(false), &json!("artist")));
    assert_eq!(account["created_at"], "2023-11-14T22:13:21Z");
    assert_eq!(account["id"], entry(&report, "user", 1)["new_id"]);
    assert!(log_in(&server, "users", "nina@example.org").is_none(), "through her own door only");

    // The newest first, as they were; the private one is for its artist alone.
    let (nina, ada) = (text(&session["access_token"]), token(&server, "users", "ada@example.org"));
    assert_eq!(titles(&own_tracks(&server, nina)), ["Undertow", "High Water", "Low Water"]);
    let tracks = items(&server, "/v1/tracks", &ada);
    assert_eq!(titles(&tracks), ["High Water", "Low Water"]);
    let low_water = &tracks[1];
    assert_eq!(low_water["id"], entry(&report, "music", 10)["new_id"]);
    assert_eq!((&low_water["play_count"], &low_water["artist"]["name"]), (&json!(10), &json!("Nina Tide")));
    assert_eq!(low_water["created_at"], "2023-11-14T22:13:30Z");
    for (url, bytes) in [("audio_url", Some(sample("cbr-mono-untagged.mp3"))), ("cover_url", None)] {
        let path = text(&low_water[url]).strip_prefix(&server.url).unwrap().to_owned();
        let answer = get(&server.url, &path, "");
        assert_eq!(answer.status, 200);
        assert!(bytes.is_none_or(|bytes| bytes == answer.body), "it plays as it was");
    }
    let evening = &playlists(&server, &ada)["Evening"];
    assert_eq!((&evening["visibility"], &evening["entry_count"]), (&json!("private"), &json!(3)));
    assert_eq!(evening["updated_at"], "2023-11-14T22:14:40Z");
    assert_eq!(places(&server, text(&evening["id"]), &ada), ["High Water", "Low Water", "High Water"]);

    // What is asked of the account works; and the music service knows the artist by now.
    support::wait_for("the artist", || titles_of_artists(&server, &ada) == ["Nina Tide"]);
    let follow =
        format!("PUT /v1/me/follows/{} HTTP/1.1\r\nAuthorization: Bearer {ada}", text(&account["artist_id"]));
    let followed = Open::begin(&server.url, &follow, 0).answer();
    assert!((200..300).contains(&followed.status), "{followed:?}");
}

fn titles_of_artists(server: &Server, token: &str) -> Vec<String> {
    items(server, "/v1/artists", token).iter().map(|artist| text(&artist["name"]).to_owned()).collect()
}

#[test]
fn nobody_gets_a_mail() {
    let Some(old) = Old::new("mails") else { return };
    let place = Place::new();
    fill(&old, &place);
    assert_eq!(import(&place, &old, &[]).code, Some(0));
    let server = place.serve(&["all"]);
    let person =
        json!({"email": "eve@example.org", "password": PASSWORD, "first_name": "Eve", "last_name": "B"});
    assert_eq!(post(&server.url, "/v1/auth/users/signup", &person).status, 201);
    // Events go out in their order: when these two are there, the import's have been heard.
    let mails = || {
        let files = fs::read_dir(place.path().join("data/mail")).into_iter().flatten();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".eml")).count()
    };
    support::wait_for("both mails to Eve", || mails() >= 2);
    server.terminate();
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(mails(), 2, "one that welcomes Eve, one that asks to prove her mailbox");
    let letters = place.run(&["dead-letters", "list", "--json"]);
    assert_eq!((letters.code, letters.stdout.trim()), (Some(0), ""), "{letters:?}");
}

#[test]
fn a_trial_changes_nothing_and_says_what_would_come() {
    let Some(old) = Old::new("trial") else { return };
    let place = Place::new();
    fill(&old, &place);
    old.insert("playlists", [playlist(21, 9, "Lost", &[10])]);
    let server = Serving::start(&place);
    let trial = import(&place, &old, &["--dry-run"]);
    trial.assert_told("one document was not imported", "the report says why");
    let report = report(&trial);
    assert_eq!(counts(&report), [[2, 0, 0], [3, 0, 0], [1, 0, 1]], "{report}");
    assert_eq!(entry(&report, "music", 10)["outcome"], "would_import");
    assert_eq!(entry(&report, "playlist", 20).get("notes"), None, "its musics would be there");
    assert_eq!(entry(&report, "playlist", 21)["reason"], "owner_unknown");
    assert!(log_in(&server, "users", "ada@example.org").is_none());
    let media = place.path().join("data/media/audio");
    assert!(fs::read_dir(media).map_or(0, Iterator::count) == 0);
    assert!(!place.path().join("data/imports").exists());
}

#[test]
fn what_is_done_is_done_once_and_what_was_deleted_stays_so() {
    let Some(old) = Old::new("again") else { return };
    let place = Place::new();
    fill(&old, &place);
    let first = report(&import(&place, &old, &[]));
    let server = Serving::start(&place);
    let nina = token(&server, "artists", "nina@example.org");
    let id = entry(&first, "music", 10)["new_id"].clone();
    let head = format!("DELETE /v1/tracks/{} HTTP/1.1\r\nAuthorization: Bearer {nina}", text(&id));
    assert_eq!(Open::begin(&server.url, &head, 0).answer().status, 204);

    let again = import(&place, &old, &[]);
    assert_eq!(again.code, Some(0), "{again:?}");
    let again = report(&again);
    assert_eq!(counts(&again), [[0, 2, 0], [0, 3, 0], [0, 1, 0]], "{again}");
    assert_eq!(entry(&again, "music", 10)["reason"], "deleted_since");
    assert_eq!(entry(&again, "music", 11)["reason"], "already_imported");
    assert_eq!(titles(&own_tracks(&server, &nina)), ["Undertow", "High Water"]);

    // Without the journal, too, nothing is there twice; but nobody remembers what was deleted.
    fs::remove_dir_all(place.path().join("data/imports")).unwrap();
    let forgotten = report(&import(&place, &old, &[]));
    assert_eq!(counts(&forgotten), [[0, 2, 0], [1, 2, 0], [0, 1, 0]], "{forgotten}");
    assert_eq!(titles(&own_tracks(&server, &nina)), ["Undertow", "High Water", "Low Water"]);
}

#[test]
fn a_person_reads_the_report() {
    let Some(old) = Old::new("report") else { return };
    let place = Place::new();
    fill(&old, &place);
    old.insert("musics", [music(13, 1, "Gone", "musics/gone")]);
    let url = old.url();
    let ended = place.run(&["import-mongo", "--from", &url, "--bucket", "bucket"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let gone =
        format!("music {} (Gone): skipped: `musics/gone` is not in the bucket (object_missing)", id(13));
    let summary = [
        gone.as_str(),
        "users: 2 imported, 0 skipped, 0 failed.",
        "musics: 3 imported, 0 skipped, 1 failed.",
        "playlists: 1 imported, 0 skipped, 0 failed.",
        "Skipped or failed: object_missing 1.",
    ];
    assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), summary);
    // A line a document for a log, in which a terminal shows a bar.
    let lines: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(lines.len(), 7, "{ended:?}");
    assert!(lines[0].starts_with("[1/7] user "), "{}", lines[0]);
}

#[test]
fn what_it_cannot_begin_with_is_told() {
    let Some(old) = Old::new("begin") else { return };
    let place = Place::new();
    place.file("bucket/a", "");
    place.file("moodify.toml", "[mongodb]\nconnect_timeout_secs = 1\n");
    let url = old.url();
    let run = |from: &str, bucket: &str, more: &[&str]| {
        let args = [&["import-mongo", "--from", from, "--bucket", bucket][..], more].concat();
        let ended = place.run(&args);
        assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
        ended
    };
    place
        .run(&["import-mongo", "--bucket", "bucket"])
        .assert_told("where the old database is", "IMPORT_MONGO_URL");
    run(&url, "nothing", &[]).assert_told("nothing cannot be read", "folder");
    run(&url, "https://bucket.example/", &[]).assert_told("https://", "s3://bucket");
    run("hunter2", "bucket", &[]).assert_told("--from: a URL is expected", "mongodb://");
    run("mysql://ada:hunter2@old.example/x", "bucket", &[]).assert_told("does not begin with", "mongodb://");
    run("mongodb://ada:hunter2@127.0.0.1:1/x", "bucket", &[]).assert_told("cannot reach", "server runs");
    run(&url, "bucket", &["--database", &url]).assert_told("are both", "a database of its own");
    run(&url, "bucket", &["--music-from", "mongodb://127.0.0.1:1/x"]).assert_told("cannot reach", "server");
    let ours = old.url_of("ours");
    assert_eq!(place.run(&["migrate", "--database", &ours]).code, Some(0));
    run(&ours, "bucket", &[]).assert_told("is one of Moodify's own", "deployment that is to be imported");
    assert!(!place.path().join("data/moodify.db").exists(), "nothing was touched here");
}

/// Users in one database, music in another, media in a bucket: as deployments of several services have it.
#[cfg(feature = "s3")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_with_databases_of_their_own_and_a_bucket() {
    use s3_server::{KEY, S3Server, SECRET};
    let Some(s3) = S3Server::start().await else { return };
    let checked = tokio::task::spawn_blocking(move || {
        let (Some(auth), Some(catalogue)) = (Old::new("auth"), Old::new("music")) else { return };
        auth.insert("users", [user(1, "Nina", "artist")]);
        catalogue.insert(
            "musics",
            [music(10, 1, "Low Water", "musics/Low Water \u{e9}.mp3"), music(11, 1, "Gone", "x")],
        );
        s3.put("musics/Low Water \u{e9}.mp3", sample("cbr-mono-untagged.mp3"));
        let media = S3Server::media_at(&s3.url);
        let databases = vec!["sqlite://data/moodify.db".to_owned(), catalogue.url_of("new")];
        #[cfg(feature = "postgres")]
        let postgres = support::postgres::Postgres::start();
        #[cfg(feature = "postgres")]
        let databases =
            [databases, postgres.iter().map(|server| server.database("moodify")).collect()].concat();
        for (n, database) in databases.iter().enumerate() {
            let place = Place::new();
            let mut command = command(&place, &auth, &media);
            let new = format!("{media}&prefix=new{n}");
            command.args(["--music-from", &catalogue.url(), "--media", &new, "--database", database]);
            command.env("HOME", place.path()).env("AWS_EC2_METADATA_DISABLED", "true");
            command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
            for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL"] {
                command.env_remove(name);
            }
            let ended = Ended::from(command.output().unwrap());
            let report = report(&ended);
            assert_eq!(counts(&report), [[1, 0, 0], [1, 0, 1], [0, 0, 0]], "{ended:?}");
            assert_eq!(entry(&report, "music", 11)["reason"], "object_missing");
            assert!(!format!("{ended:?}").contains(SECRET));
            let audio = format!("new{n}/audio/");
            let stored = s3.objects().into_iter().filter(|name| name.starts_with(&audio)).count();
            assert_eq!(stored, 1, "{:?}", s3.objects());
        }
    });
    checked.await.unwrap();
}
