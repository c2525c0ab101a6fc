//! Killed in the middle it goes on, and nothing is there twice.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

use crate::{
    Serving, command, counts, items,
    old::{Old, music, playlist, sample, user},
    places, playlists, report,
    support::{Ended, Place},
    titles, token,
};

const MUSICS: u32 = 8;

#[test]
fn killed_again_and_again_it_brings_each_document_once() {
    let Some(old) = Old::new("kills") else { return };
    let place = Place::new();
    old.insert("users", (1..=4).map(|n| user(n, &format!("Ada{n}"), if n == 1 { "artist" } else { "user" })));
    old.insert(
        "musics",
        (10..10 + MUSICS).map(|n| music(n, 1, &format!("Tune {n}"), &format!("musics/{n}"))),
    );
    let musics: Vec<u32> = (10..10 + MUSICS).rev().collect();
    old.insert("playlists", (30..33).map(|n| playlist(n, 2, &format!("List {n}"), &musics)));
    for n in 10..10 + MUSICS {
        place.file(&format!("bucket/musics/{n}"), sample("cbr-mono-untagged.mp3"));
    }
    let mut kills = 0;
    for lines in (0..).map(|run| run % 3) {
        let mut command = command(&place, &old, "bucket");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
        let news = told.by_ref().map_while(Result::ok).filter(|line| line.ends_with(": imported"));
        let seen = news.take(lines + 1).count();
        if seen <= lines {
            assert!(child.wait().unwrap().success());
            break;
        }
        // In the middle of whatever comes next.
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        assert!(kills < 50, "it does not get on");
    }
    assert!(kills > 3, "{kills}");

    let last = Ended::from(command(&place, &old, "bucket").output().unwrap());
    let all = [[0, 4, 0], [0, u64::from(MUSICS), 0], [0, 3, 0]];
    assert_eq!(counts(&report(&last)), all, "{last:?}");
    let server = Serving::start(&place);
    let listener = token(&server, "users", "ada2@example.org");
    let expected: Vec<String> = musics.iter().map(|n| format!("Tune {n}")).collect();
    assert_eq!(titles(&items(&server, "/v1/tracks", &listener)), expected);
    let lists = playlists(&server, &listener);
    assert_eq!(lists.len(), 3, "{lists:?}");
    for list in lists.values() {
        assert_eq!(places(&server, list["id"].as_str().unwrap(), &listener), expected);
    }
    let stored = fs::read_dir(place.path().join("data/media/audio")).unwrap().count();
    assert_eq!(stored, MUSICS as usize, "no media without a track");
}
