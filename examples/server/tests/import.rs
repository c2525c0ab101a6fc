//! `moodify import`: a music folder becomes an artist's tracks, each file once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use support::{
    Ended, Place, Server,
    http::{get, post},
};

const NINA: &str = "nina@example.org";
const PASSWORD: &str = "low water at the pier";

#[test]
fn a_folder_becomes_tracks_and_the_report_says_what_does_not() {
    let place = place_with_nina();
    place.file("music/01 Album/tagged.mp3", media("vbr-stereo-id3v24-cover.mp3"));
    place.file("music/01 Album/again.mp3", media("vbr-stereo-id3v24-cover.mp3"));
    place.file("music/01 Album/notes.txt", "nothing to hear");
    place.file("music/02 Album/Low Water.mp3", media("cbr-mono-untagged.mp3"));
    place.file("music/02 Album/cover.jpg", media("cover.jpg"));
    place.file("music/03 Album/no-extension", media("cbr-stereo-id3v23.mp3"));
    place.file("music/03 Album/cover.jpg", "no picture");
    place.file("music/broken.mp3", &media("cbr-stereo-id3v23.mp3")[..20_000]);
    place.file("music/fake.MP3", "<html>");
    place.file("music/empty.mp3", "");
    place.file("music/large.mp3", vec![0; 3_000_000]);
    place.file("music/.hidden.mp3", media("vbr-mono-unicode.mp3"));

    let ended = import(&place, &["--visibility", "unlisted"]);
    ended.assert_told("4 files were not imported", "the report says why");
    let report = report(&ended);
    assert_eq!((&report["imported"], &report["skipped"]), (&json!(3), &json!(4)), "{report}");
    for (path, reason) in [
        ("01 Album/notes.txt", "not_mp3"),
        ("02 Album/cover.jpg", "not_mp3"),
        ("03 Album/cover.jpg", "not_mp3"),
        ("broken.mp3", "refused"),
        ("fake.MP3", "refused"),
        ("empty.mp3", "refused"),
        ("large.mp3", "too_large"),
    ] {
        assert_eq!(entry(&report, path)["reason"], reason, "{report}");
    }
    // Which of the two comes first is chance.
    let both =
        ["01 Album/again.mp3", "01 Album/tagged.mp3"].map(|path| entry(&report, path)["reason"].clone());
    assert!(both.contains(&json!("duplicate")) && both.contains(&Value::Null), "{report}");

    let again = import(&place, &[]);
    let again = self::report(&again);
    assert_eq!(again["imported"], 0, "{again}");
    assert_eq!(entry(&again, "02 Album/Low Water.mp3")["reason"], "already_imported");

    let server = place.serve(&["all"]);
    let tracks = tracks(&server);
    assert_eq!(tracks.len(), 3, "{tracks:?}");
    let untagged = &tracks["Low Water"];
    assert_eq!((&untagged["visibility"], &untagged["status"]), (&json!("unlisted"), &json!("ready")));
    assert!(untagged["cover_url"].is_string(), "the picture beside it: {untagged}");
    let id = entry(&report, "02 Album/Low Water.mp3")["track_id"].clone();
    assert_eq!(untagged["id"], id);
    let path = untagged["audio_url"].as_str().unwrap().strip_prefix(&server.url).unwrap().to_owned();
    assert_eq!(get(&server.url, &path, "").body, media("cbr-mono-untagged.mp3"), "it plays as it was");
}

#[test]
fn it_works_beside_a_running_server_and_a_trial_changes_nothing() {
    let place = place_with_nina();
    place.file("music/Low Water.mp3", media("cbr-mono-untagged.mp3"));
    let server = place.serve(&["all"]);
    let trial = report(&import(&place, &["--dry-run"]));
    assert_eq!(entry(&trial, "Low Water.mp3")["outcome"], "would_import", "{trial}");
    assert!(tracks(&server).is_empty());
    let done = import(&place, &[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let tracks = tracks(&server);
    let id = tracks["Low Water"]["id"].as_str().unwrap().to_owned();
    drop(tracks);

    let (token, _) = log_in(&server);
    let head = format!("DELETE /v1/tracks/{id} HTTP/1.1\r\nAuthorization: Bearer {token}");
    assert_eq!(support::http::Open::begin(&server.url, &head, 0).answer().status, 204);
    let again = report(&import(&place, &[]));
    assert_eq!(
        entry(&again, "Low Water.mp3")["reason"],
        "deleted_since",
        "what the artist took back stays so"
    );
    assert!(self::tracks(&server).is_empty());
}

#[test]
fn killed_again_and_again_it_imports_each_file_once() {
    const FILES: usize = 10;
    let place = place_with_nina();
    for n in 0..FILES {
        place.file(&format!("music/{n}.mp3"), titled(&format!("Tune {n}")));
    }
    let mut kills = 0;
    for lines in (0..).map(|run| run % 3) {
        let mut command = place.command(&["import", "music", "--artist", NINA]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
        let told = told.by_ref().map_while(Result::ok).filter(|line| line.contains("imported as"));
        let seen = told.take(lines + 1).count();
        if seen <= lines {
            assert!(child.wait().unwrap().success());
            break;
        }
        // In the middle of whatever the other files are at.
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        assert!(kills < 50, "it does not get on");
    }
    assert!(kills > 2, "{kills}");

    let server = place.serve(&["all"]);
    let tracks = tracks(&server);
    assert_eq!(tracks.len(), FILES, "{tracks:?}");
    assert!(tracks.values().all(|track| track["status"] == "ready"), "{tracks:?}");
    let stored = fs::read_dir(place.path().join("data/media/audio")).unwrap().count();
    assert_eq!(stored, FILES, "no media without a track");
}

#[test]
fn what_it_cannot_begin_with_is_told() {
    let place = place_with_nina();
    place.file("music/a.mp3", "");
    let run = |folder: &str, artist: &str| place.run(&["import", folder, "--artist", artist]);
    run("nothing", NINA).assert_told("nothing cannot be read", "folder");
    run("music", "nobody@example.org").assert_told("nobody has signed up as nobody@example.org", "artist");
    run("music", "nina").assert_told("`nina` is not an e-mail address", "artist");
    run("music", "ada@example.org").assert_told("ada@example.org is a listener", "artist");
}

/// The data of a server with an artist and a listener, not running.
fn place_with_nina() -> Place {
    let place = Place::new();
    let server = place.serve(&["all"]);
    let person =
        |email: &str| json!({"email": email, "password": PASSWORD, "first_name": "A", "last_name": "B"});
    let mut nina = person(NINA);
    nina["artist_name"] = "Nina and the Tides".into();
    assert_eq!(post(&server.url, "/v1/auth/artists/signup", &nina).status, 201);
    assert_eq!(post(&server.url, "/v1/auth/users/signup", &person("ada@example.org")).status, 201);
    server.terminate();
    assert_eq!(server.ended().0, Some(0));
    place
}

fn import(place: &Place, more: &[&str]) -> Ended {
    let mut command = place.command(&["import", "music", "--artist", NINA, "--json"]);
    command.args(more).env("MOODIFY_CATALOG_MAX_AUDIO_BYTES", "2000000");
    let mut ended = Ended::from(command.output().unwrap());
    // What is left are the words of a failure.
    ended.stderr = ended.stderr.lines().filter(|line| !line.starts_with('[')).collect::<Vec<_>>().join("\n");
    ended
}

fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn entry<'a>(report: &'a Value, path: &str) -> &'a Value {
    let found = report["files"].as_array().unwrap().iter().find(|entry| entry["path"] == path);
    found.unwrap_or_else(|| panic!("{path} is not in {report}"))
}

/// A token of the artist, and her artist id.
fn log_in(server: &Server) -> (String, String) {
    let nina = json!({"email": NINA, "password": PASSWORD});
    let session = post(&server.url, "/v1/auth/artists/login", &nina).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&session["access_token"]), text(&session["account"]["artist_id"]))
}

/// The artist's tracks by their titles, as the artist sees them.
fn tracks(server: &Server) -> BTreeMap<String, Value> {
    let (token, artist) = log_in(server);
    let page = get(&server.url, &format!("/v1/tracks?limit=100&artist_id={artist}"), &token).json();
    let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}"));
    let tracks: BTreeMap<_, _> =
        items.iter().map(|track| (track["title"].as_str().unwrap().to_owned(), track.clone())).collect();
    assert_eq!(tracks.len(), items.len(), "two of one title: {page}");
    tracks
}

fn media(name: &str) -> Vec<u8> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../media");
    fs::read(folder.join(name)).unwrap()
}

/// A sample with this title in an ID3v1 tag: a content of its own.
fn titled(title: &str) -> Vec<u8> {
    let mut bytes = media("cbr-mono-untagged.mp3");
    let mut tag = [0; 128];
    tag[..3].copy_from_slice(b"TAG");
    tag[3..3 + title.len()].copy_from_slice(title.as_bytes());
    tag[127] = 255;
    bytes.extend(tag);
    bytes
}
