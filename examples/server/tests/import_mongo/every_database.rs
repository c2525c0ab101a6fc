//! The same deployment comes into every database that there is: dry run first, killed in the middle, then to its end.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use crate::{
    command, counts, fill, import,
    old::{Old, user},
    places, playlists, report,
    support::{Ended, Place, wait_until},
    text, titles, token,
};

/// Brings it into this database, which is empty.
fn comes_into(old: &Old, database: &str) {
    let place = Place::new();
    place.file("moodify.toml", format!("database = \"{database}\"\n"));
    fill(old, &place);
    // So many that a kill finds some that are still to come.
    old.insert("users", (100..120).map(|number| user(number, &format!("Bert{number}"), "user")));

    let trial = import(&place, old, &["--dry-run"]);
    assert_eq!(trial.code, Some(0), "{trial:?}");
    assert_eq!(counts(&report(&trial)), [[22, 0, 0], [3, 0, 0], [1, 0, 0]], "{trial:?}");
    assert!(!place.path().join("data/imports").exists(), "a trial remembers nothing");

    let came = killed_after(&place, old, 5);
    let rest = wait_until("the dead one is forgotten", || {
        let ended = import(&place, old, &[]);
        if ended.stderr.contains("another process imports") { Err(ended) } else { Ok(ended) }
    });
    assert_eq!(rest.code, Some(0), "{rest:?}");
    assert!(!rest.stderr.contains("panicked"), "{rest:?}");
    let told = counts(&report(&rest));
    let came_by_now = told.map(|[imported, skipped, failed]| (imported + skipped, failed));
    assert_eq!(came_by_now, [(22, 0), (3, 0), (1, 0)], "{rest:?}");
    assert!(told[0][1] >= came, "{came} had come: {rest:?}");

    let again = import(&place, old, &[]);
    assert_eq!(counts(&report(&again)), [[0, 22, 0], [0, 3, 0], [0, 1, 0]], "{again:?}");
    assert!(!again.stderr.contains("panicked"), "{again:?}");

    let server = place.serve(&["all"]);
    let ada = token(&server, "users", "ada@example.org");
    let tracks = crate::items(&server, "/v1/tracks", &ada);
    assert_eq!(titles(&tracks), ["High Water", "Low Water"]);
    let evening = &playlists(&server, &ada)["Evening"];
    assert_eq!(places(&server, text(&evening["id"]), &ada), ["High Water", "Low Water", "High Water"]);
    token(&server, "users", "bert119@example.org");
    server.terminate();
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
}

/// Kills an import when so many documents have come, and returns how many had by then.
fn killed_after(place: &Place, old: &Old, documents: usize) -> u64 {
    let mut command = command(place, old, "bucket");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let news = lines.map_while(Result::ok).filter(|line| line.ends_with(": imported"));
    let came = news.take(documents).count();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(came, documents, "it ended before");
    u64::try_from(came).unwrap()
}

#[test]
fn sqlite() {
    let Some(old) = Old::new("into_sqlite") else { return };
    comes_into(&old, "sqlite://data/moodify.db");
}

#[cfg(feature = "postgres")]
#[test]
fn postgres() {
    let Some(old) = Old::new("into_postgres") else { return };
    let Some(server) = crate::support::postgres::Postgres::start() else { return };
    comes_into(&old, &server.database("moodify"));
}

#[test]
fn mongodb() {
    let Some(old) = Old::new("into_mongodb") else { return };
    comes_into(&old, &old.url_of("new"));
}

/// Whatever ends it early: no driver complains of a process that ends with it open.
#[test]
fn what_stops_it_leaves_the_databases_in_order() {
    let Some(old) = Old::new("into_nothing") else { return };
    let place = Place::new();
    fill(&old, &place);
    let new = old.url_of("new");
    for (settings, args, what, fix) in [
        ("", &["--bucket", "nothing"][..], "nothing cannot be read", "folder"),
        ("", &["--bucket", "bucket", "--media", "file:///proc/nothing"], "media at", "--media"),
        ("queue = \"carrier-pigeon:\"\n", &["--bucket", "bucket"], "there is no adapter", "set queue"),
        ("", &["--bucket", "bucket", "--music-from", "mongodb://127.0.0.1:1/x"], "cannot reach", "server"),
    ] {
        let limits = "[mongodb]\nconnect_timeout_secs = 1\n";
        place.file("moodify.toml", format!("database = \"{new}\"\n{settings}{limits}"));
        let mut command = place.command(&[&["import-mongo"], args].concat());
        let ended = Ended::from(command.env("IMPORT_MONGO_URL", old.url()).output().unwrap());
        assert!(!ended.stderr.contains("panicked"), "{ended:?}");
        ended.assert_told(what, fix);
    }
    place.file("moodify.toml", format!("database = \"{new}\"\n"));
    let ended = place.run(&["import", "bucket", "--artist", "nobody@example.org"]);
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    ended.assert_told("nobody has signed up", "has signed up with");
}
