//! The program on a MongoDB: what it says when that is not right, and what it does when it dies.
#![cfg(feature = "mongodb")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use support::{
    Place, Server,
    http::{Answer, get, post, try_post},
    mongodb,
};

fn serve(place: &Place, database: &str) -> Server {
    let section = "[mongodb]\nconnect_timeout_secs = 1\noperation_timeout_secs = 1\n";
    place.file("moodify.toml", format!("database = \"{database}\"\n{section}"));
    place.serve(&["all"])
}

fn person(name: &str) -> Value {
    json!({ "email": format!("{name}@example.org"), "password": "low water at the pier",
        "first_name": "Ada", "last_name": "Tide" })
}

fn sign_up(server: &Server, name: &str) -> Answer {
    post(&server.url, "/v1/auth/users/signup", &person(name))
}

fn mails(place: &Place) -> usize {
    let files = std::fs::read_dir(place.path().join("data/mail")).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().to_string_lossy().ends_with(".welcome.eml")).count()
}

#[expect(clippy::disallowed_methods, reason = "other processes do it, by their own clocks")]
fn wait_for(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it takes too long: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn doctor_says_what_is_wrong_with_the_database() {
    let Some(server) = mongodb::Server::start() else { return };
    let Some(alone) = mongodb::Server::standalone() else { return };
    let place = Place::new();
    let row = |url: &str| {
        let ended = place.run(&["doctor", "--listen", "127.0.0.1:0", "--database", url]);
        assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
        ended.stdout.split("\nkeys").next().unwrap().split_once("\ndatabase").unwrap().1.to_owned()
    };
    let url = server.url("moodify");
    assert!(row(&url).contains(" ok "), "{}", row(&url));
    for (url, words) in [
        (alone.url("moodify"), "has no transactions"),
        ("mongodb://ada:hunter2@127.0.0.1:1/moodify".to_owned(), "cannot reach the database"),
        (format!("{url}?connectTimeoutMS=hunter2"), "cannot be read"),
    ] {
        let row = row(&url);
        assert!(row.contains("FAIL") && row.contains(words), "{words}: {row}");
    }
    place
        .run(&["serve", "--database", &alone.url("moodify"), "--listen", "127.0.0.1:0"])
        .assert_told("has no transactions", "rs.initiate()");
}

#[test]
fn migrate_makes_what_a_server_needs() {
    let Some(server) = mongodb::Server::start() else { return };
    let place = Place::new();
    let url = server.url("moodify");
    for _ in 0..2 {
        let migrated = place.run(&["migrate", "--database", &url]);
        assert!(migrated.code == Some(0) && migrated.stdout.contains("is up to date"), "{migrated:?}");
    }
    drop(serve(&place, &url));
    assert_eq!(place.run(&["keys", "list", "--database", &url]).code, Some(0));
}

fn outage(leave: impl Fn(&mut mongodb::Server), come_back: impl Fn(&mut mongodb::Server)) {
    let Some(mut database) = mongodb::Server::start() else { return };
    let place = Place::new();
    let server = serve(&place, &database.url("moodify"));
    assert_eq!(sign_up(&server, "before").status, 201);
    wait_for("the first mail", || mails(&place) == 1);
    for round in 0..2 {
        leave(&mut database);
        thread::scope(|scope| {
            for client in 0..12 {
                let server = &server;
                scope.spawn(move || {
                    let answer = sign_up(server, &format!("lost-{round}-{client}"));
                    assert_eq!(answer.status, 503, "{answer:?}");
                    assert_eq!(answer.json()["code"], "unavailable");
                });
            }
        });
        // An answer from before is kept for a second.
        wait_for("no readiness", || get(&server.url, "/health/ready", "").status == 503);
        assert_eq!(get(&server.url, "/health/live", "").status, 200);
        come_back(&mut database);
        wait_for("readiness", || get(&server.url, "/health/ready", "").status == 200);
        wait_for("a sign-up", || {
            let again = try_post(&server.url, "/v1/auth/users/signup", &person(&format!("after-{round}")));
            again.is_ok_and(|answer| matches!(answer.status, 201 | 409))
        });
        wait_for("its mail", || mails(&place) >= round + 2);
    }
    server.terminate();
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn a_database_that_dies_is_told_and_found_again() {
    outage(mongodb::Server::kill, mongodb::Server::start_again);
}

#[test]
fn a_database_that_falls_silent_is_told_and_found_again() {
    outage(|database| database.freeze(true), |database| database.freeze(false));
}
