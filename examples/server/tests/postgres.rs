//! The program on a PostgreSQL: what it says when that is not right, and what it does when it dies.
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use support::{
    Place, Server,
    http::{Answer, get, post, try_post},
    postgres::{PASSWORD, Postgres},
    wait_for,
};

/// A program on this database that soon gives up a silent one.
fn serve(place: &Place, database: &str) -> Server {
    place.file(
        "moodify.toml",
        format!(
            "database = \"{database}\"\n[postgres]\nconnect_timeout_secs = 1\nstatement_timeout_secs = 1\n"
        ),
    );
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

#[test]
fn doctor_says_what_is_wrong_with_the_database() {
    let Some(postgres) = Postgres::start() else { return };
    let place = Place::new();
    let url = postgres.database("moodify");
    let row = |url: &str| {
        let ended = place.run(&["doctor", "--listen", "127.0.0.1:0", "--database", url]);
        let shown = format!("{ended:?}");
        assert!(!shown.contains(PASSWORD) && !shown.contains("wrong"), "{shown}");
        ended.stdout
    };
    let row =
        |url: &str| row(url).split("\nkeys").next().unwrap().split_once("\ndatabase").unwrap().1.to_owned();

    assert!(row(&url).contains(" ok "), "{}", row(&url));
    for (url, words) in [
        (postgres.url("postgres", "wrong", "moodify"), "refuses the log-in"),
        (postgres.url("nobody", PASSWORD, "moodify"), "refuses the log-in"),
        (postgres.url("postgres", PASSWORD, "absent"), "there is no database"),
        (format!("postgres://ada:{PASSWORD}@127.0.0.1:1/moodify"), "cannot reach the database"),
        (format!("{url}?sslmode=require"), "in private"),
        (format!("{url}?sslmod=require"), "parameter that is not known"),
    ] {
        let row = row(&url);
        assert!(row.contains("FAIL") && row.contains(words), "{words}: {row}");
    }

    postgres.sql("moodify", &format!("CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'"));
    postgres.database("empty");
    let row_of_reader = row(&postgres.url("reader", PASSWORD, "empty"));
    assert!(row_of_reader.contains("not allowed in the database"), "{row_of_reader}");

    postgres.sql(
        "moodify",
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, '\\x00', 0)",
    );
    assert!(row(&url).contains("newer version of Moodify"), "{}", row(&url));
    place
        .run(&["serve", "--database", &url, "--listen", "127.0.0.1:0"])
        .assert_told("newer version", "start that");
}

#[test]
fn migrate_brings_it_up_to_date_while_servers_run() {
    let Some(postgres) = Postgres::start() else { return };
    let place = Place::new();
    let url = postgres.database("moodify");
    let migrated = place.run(&["migrate", "--database", &url]);
    assert!(migrated.code == Some(0) && migrated.stdout.contains("is up to date"), "{migrated:?}");
    let _server = serve(&place, &url);
    assert_eq!(place.run(&["migrate", "--database", &url]).code, Some(0));
}

#[test]
fn what_runs_beside_a_server_of_an_older_version_leaves_its_database_alone() {
    let Some(postgres) = Postgres::start() else { return };
    let place = Place::new();
    let url = postgres.database("moodify");
    // On a new database nobody runs: whoever comes first makes it.
    assert_eq!(place.run(&["keys", "list", "--database", &url]).code, Some(0));
    postgres.sql(
        "moodify",
        "DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)",
    );
    for args in [
        &["keys", "list"][..],
        &["keys", "rotate"],
        &["dead-letters", "list"],
        &["import", ".", "--artist", "nina@example.org"],
    ] {
        let refused = place.run(&[args, &["--database", &url]].concat());
        refused.assert_told("is of an older version of Moodify", "run `moodify migrate`");
    }
    let doctor = place.run(&["doctor", "--listen", "127.0.0.1:0", "--database", &url]);
    assert!(doctor.code == Some(1) && doctor.stdout.contains("older version of Moodify"), "{doctor:?}");
}

/// The lines of JSON that it logs, as they come.
fn lines(command: &mut Command) -> (Child, mpsc::Receiver<String>) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (send, lines) = mpsc::channel();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            let _ = send.send(line);
        }
    });
    (child, lines)
}

fn await_line(lines: &mpsc::Receiver<String>, words: &str) {
    while !lines.recv_timeout(Duration::from_secs(60)).unwrap().contains(words) {}
}

#[test]
fn one_sync_process_follows_the_other() {
    let Some(postgres) = Postgres::start() else { return };
    let place = Place::new();
    let url = postgres.database("moodify");
    let first = place.serve(&["sync", "--database", &url]);
    let args = ["serve", "sync", "--database", &url, "--listen", "127.0.0.1:0"];
    let (mut second, said) = lines(&mut place.command(&args));
    await_line(&said, "another process runs the sync service");
    // Others need not wait.
    drop(place.serve(&["auth", "--database", &url]));
    first.kill();
    await_line(&said, "ready");
    let all = place.serve(&["all", "--database", &url]);
    all.terminate();
    assert!(all.ended().1.contains("another process keeps playback on this database"));
    second.kill().unwrap();
    second.wait().unwrap();
}

/// Holds the answers to one form while the database is away: 503, a code, and when to come again.
fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.json()["code"], "unavailable");
}

fn outage(leave: impl Fn(&Postgres), come_back: impl Fn(&Postgres)) {
    let Some(postgres) = Postgres::start() else { return };
    let place = Place::new();
    let server = serve(&place, &postgres.database("moodify"));
    assert_eq!(sign_up(&server, "before").status, 201);
    wait_for("the first mail", || mails(&place) == 1);
    for round in 0..2 {
        leave(&postgres);
        // Several at once: none may take a place in the pool along with it.
        thread::scope(|scope| {
            for client in 0..12 {
                let server = &server;
                scope.spawn(move || assert_unavailable(&sign_up(server, &format!("lost-{round}-{client}"))));
            }
        });
        // An answer from before is kept for a second.
        wait_for("no readiness", || get(&server.url, "/health/ready", "").status == 503);
        assert_eq!(get(&server.url, "/health/live", "").status, 200);
        come_back(&postgres);
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
    assert!(!log.contains(PASSWORD), "{log}");
}

#[test]
fn a_database_that_dies_is_told_and_found_again() {
    outage(Postgres::stop, Postgres::start_again);
}

#[test]
fn a_database_that_falls_silent_is_told_and_found_again() {
    outage(|postgres| postgres.freeze(true), |postgres| postgres.freeze(false));
}
