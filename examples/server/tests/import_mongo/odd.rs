//! Odd data is the rule: each oddity is told with a code, and costs nothing else. It comes into a MongoDB.

use mongodb::bson::{Bson, doc};
use serde_json::{Value, json};

use crate::{
    Serving, counts, entry, entry_with_id, import, items, log_in,
    old::{HASH, Old, id, music, playlist, sample, user, with, without},
    places, playlists, report,
    support::{Place, Server, http::post},
    titles, token,
};

/// The codes of the notes about a document.
fn notes(entry: &Value) -> Vec<&str> {
    let notes = entry["notes"].as_array().map(Vec::as_slice).unwrap_or_default();
    notes.iter().map(|note| note["code"].as_str().unwrap()).collect()
}

/// A place whose server keeps everything in another database than the old one, on the same server.
fn place(old: &Old) -> Place {
    let place = Place::new();
    let limit = "[catalog]\nmax_audio_bytes = 2000000\n";
    place.file("moodify.toml", format!("database = \"{}\"\n{limit}", old.url_of("new")));
    assert_eq!(place.run(&["migrate"]).code, Some(0));
    place.file("bucket/good", sample("cbr-mono-untagged.mp3"));
    place
}

#[test]
fn odd_users() {
    let Some(old) = Old::new("odd_users") else { return };
    let place = place(&old);
    let ada = || user(2, "Ada", "user");
    old.insert(
        "users",
        [
            user(1, "Nina", "artist"),
            ada(),
            with(ada(), doc! { "_id": id(3), "email": " ADA@example.ORG " }),
            without(user(4, "Bert", "user"), "email"),
            with(user(5, "Cleo", "user"), doc! { "email": "cleo" }),
            without(user(6, "Dora", "user"), "fullname"),
            with(user(7, "Egon", "admin"), doc! { "fullname": "evil.example/win" }),
            with(user(8, "Fred", "user"), doc! { "password": "hunter2" }),
            with(without(user(9, "Gina", "user"), "password"), doc! { "googleId": "117" }),
            with(user(10, "Hans", "user"), doc! { "googleId": "118", "email": Bson::Null }),
            with(user(11, "Ines", "user"), doc! { "_id": "ines", "createdAt": "soon" }),
            doc! { "_id": 12 },
            // Somebody may have chosen that password before the mailbox's owner came by Google.
            with(user(13, "Joan", "user"), doc! { "googleId": "119" }),
        ],
    );
    old.insert("playlists", [playlist(20, 3, "Of the younger Ada", &[])]);
    let ended = import(&place, &old, &[]);
    ended.assert_told("4 documents were not imported", "the report says why");
    assert!(!format!("{ended:?}").contains("hunter2"), "a password is told");
    let report = report(&ended);
    assert_eq!(counts(&report)[0], [8, 1, 4], "{report}");
    for (number, reason) in
        [(3, "duplicate_email"), (4, "email_missing"), (5, "email_invalid"), (10, "email_missing")]
    {
        let entry = entry(&report, "user", number);
        assert_eq!((&entry["outcome"], &entry["reason"]), (&json!("skipped"), &json!(reason)), "{entry}");
    }
    assert_eq!(entry_with_id(&report, "user", "number:12")["reason"], "email_missing");
    for (number, expected) in [
        (1, &[][..]),
        (6, &["name_missing", "name_missing"]),
        (7, &["name_changed", "name_missing", "role_unknown"]),
        (8, &["password_unusable"]),
        (9, &[]),
        (13, &["google_not_linked"]),
    ] {
        let entry = entry(&report, "user", number);
        assert_eq!((&entry["outcome"], notes(&entry)), (&json!("imported"), expected.to_vec()), "{entry}");
    }
    let ines = entry_with_id(&report, "user", "text:ines");
    assert_eq!(ines["outcome"], "imported", "{ines}");

    let server = Serving::start(&place);
    for email in ["ada", "dora", "egon", "ines"] {
        assert!(log_in(&server, "users", &format!("{email}@example.org")).is_some(), "{email}");
    }
    let egon = log_in(&server, "users", "egon@example.org").unwrap();
    assert_eq!(egon["account"]["first_name"], "evil example win");
    assert!(log_in(&server, "users", "fred@example.org").is_none());
    let ada = token(&server, "users", "ada@example.org");
    assert!(playlists(&server, &ada).contains_key("Of the younger Ada"), "both are one mailbox");
}

#[test]
fn odd_musics_and_playlists() {
    let Some(old) = Old::new("odd_musics") else { return };
    let place = place(&old);
    old.insert("users", [user(1, "Nina", "artist"), user(2, "Ada", "user")]);
    let good = |number| music(number, 1, &format!("Tune {number}"), "good");
    old.insert(
        "musics",
        [
            good(10),
            without(good(11), "artistId"),
            with(good(12), doc! { "artistId": id(99) }),
            with(good(13), doc! { "artistId": id(2) }),
            without(good(14), "musicKey"),
            with(good(15), doc! { "musicKey": 7 }),
            with(good(16), doc! { "musicKey": "gone" }),
            with(good(17), doc! { "musicKey": "../moodify.toml" }),
            with(good(18), doc! { "musicKey": "page" }),
            with(good(19), doc! { "musicKey": "large" }),
            with(without(good(20), "title"), doc! { "musicKey": "Low Water.mp3" }),
            with(good(21), doc! { "coverImageKey": "gone.png" }),
            with(good(22), doc! { "coverImageKey": "page", "playCount": -5, "createdAt": Bson::Null }),
            with(good(23), doc! { "_id": 23, "artistId": id(1).to_hex() }),
            with(good(24), doc! { "title": "x".repeat(300), "artist": id(1), "artistId": Bson::Null }),
        ],
    );
    place.file("bucket/page", "<html>");
    place.file("bucket/large", vec![0; 3_000_000]);
    place.file("bucket/Low Water.mp3", sample("cbr-mono-untagged.mp3"));
    odd_file_name(&place);
    old.insert(
        "playlists",
        [
            playlist(30, 2, "Evening", &[10, 16, 99, 21, 10]),
            without(playlist(31, 2, "Nobody's", &[10]), "owner"),
            playlist(32, 98, "A ghost's", &[10]),
            without(with(playlist(33, 2, "", &[]), doc! { "title": " ", "isPublic": true }), "musics"),
            with(
                playlist(34, 2, "Mixed", &[]),
                doc! { "musics": [id(10).to_hex(), 23, Bson::Null, { "_id": id(20) }] },
            ),
        ],
    );
    let ended = import(&place, &old, &[]);
    ended.assert_told("11 documents were not imported", "the report says why");
    let report = report(&ended);
    assert_eq!(counts(&report), [[2, 0, 0], [6, 0, 9], [3, 0, 2]], "{report}");
    for (kind, number, reason) in [
        ("music", 11, "artist_missing"),
        ("music", 12, "owner_unknown"),
        ("music", 13, "artist_is_listener"),
        ("music", 14, "key_missing"),
        ("music", 15, "key_unreadable"),
        ("music", 16, "object_missing"),
        ("music", 17, "object_missing"),
        ("music", 18, "refused"),
        ("music", 19, "too_large"),
        ("playlist", 31, "owner_missing"),
        ("playlist", 32, "owner_unknown"),
    ] {
        let entry = entry(&report, kind, number);
        assert_eq!(entry["reason"], reason, "{entry}");
    }
    for (kind, number, expected) in [
        ("music", 10, &[][..]),
        ("music", 20, &["title_missing"]),
        ("music", 21, &["cover_missing"]),
        ("music", 22, &["cover_refused"]),
        ("music", 24, &["text_changed"]),
        ("playlist", 30, &["musics_missing"]),
        ("playlist", 33, &["title_missing", "musics_missing"]),
        ("playlist", 34, &["musics_missing"]),
    ] {
        let entry = entry(&report, kind, number);
        assert_eq!((&entry["outcome"], notes(&entry)), (&json!("imported"), expected.to_vec()), "{entry}");
    }

    let server = Serving::start(&place);
    let ada = token(&server, "users", "ada@example.org");
    let tracks = items(&server, "/v1/tracks", &ada);
    let long = "x".repeat(200);
    // The one whose id tells no time comes last.
    assert_eq!(titles(&tracks), [long.as_str(), "Tune 22", "Tune 21", "Low Water", "Tune 10", "Tune 23"]);
    let lists = playlists(&server, &ada);
    let places_of = |title: &str| places(&server, lists[title]["id"].as_str().unwrap(), &ada);
    assert_eq!(places_of("Evening"), ["Tune 10", "Tune 21", "Tune 10"]);
    assert_eq!(places_of("Mixed"), ["Tune 10", "Tune 23", "Low Water"]);
    assert_eq!(lists["Playlist"]["visibility"], "public");

    mended(&old, &place, &server);
}

/// A file whose name is no UTF-8 is no key's, and nobody stumbles over it.
fn odd_file_name(place: &Place) {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"Tune \xff.mp3");
        std::fs::write(place.path().join("bucket").join(name), "x").unwrap();
    }
    #[cfg(not(unix))]
    let _ = place;
}

/// What was mended comes when it is started again, and nothing else does.
fn mended(old: &Old, place: &Place, server: &Server) {
    place.file("bucket/gone", sample("cbr-stereo-id3v23.mp3"));
    let ada = token(server, "users", "ada@example.org");
    let become_artist = format!(
        "POST /v1/me/artist HTTP/1.1\r\nAuthorization: Bearer {ada}\r\nContent-Type: application/json"
    );
    let body = json!({"artist_name": "Ada and the Tides"}).to_string();
    let mut open = crate::support::http::Open::begin(&server.url, &become_artist, body.len());
    open.send(body.as_bytes());
    assert_eq!(open.answer().status, 200);
    let again = report(&import(place, old, &[]));
    assert_eq!(counts(&again), [[0, 2, 0], [2, 6, 7], [0, 3, 2]], "{again}");
    for number in [13, 16] {
        assert_eq!(entry(&again, "music", number)["outcome"], "imported", "{again}");
    }
}

#[test]
fn an_address_that_somebody_has_here_is_not_given_away() {
    let Some(old) = Old::new("taken") else { return };
    let place = place(&old);
    old.insert("users", [user(1, "Nina", "artist"), user(2, "Ada", "user")]);
    old.insert("playlists", [playlist(30, 2, "Evening", &[])]);
    let server = Serving::start(&place);
    // Anybody can sign up with anybody's address.
    let eve = json!({"email": "ada@example.org", "password": "high water at the pier", "first_name": "Eve", "last_name": "B"});
    let answer = post(&server.url, "/v1/auth/users/signup", &eve);
    assert_eq!(answer.status, 201);
    let report = report(&import(&place, &old, &[]));
    let ada = entry(&report, "user", 2);
    assert_eq!(ada["reason"], "email_taken");
    assert!(ada["detail"].as_str().unwrap().contains("not proved the mailbox"), "{ada}");
    assert_eq!(entry(&report, "playlist", 30)["reason"], "owner_not_imported");
    let eve = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert!(playlists(&server, &eve).is_empty());
    assert!(!report.to_string().contains(HASH));
}
