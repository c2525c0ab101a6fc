//! The program with a real mail server.
#![cfg(feature = "gmail")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "js/mail_server.rs"]
mod mail_server;
mod support;

use std::time::Duration;

use mail_server::{MailServer, Seen};
use serde_json::json;
use support::{Place, http::post};

/// The settings that send mails in the name of a mailbox at this server.
fn gmail(server: &MailServer, secret: &str) -> String {
    format!(
        "mailer = \"gmail://hello@example.com\"\n[gmail]\nclient_id = \"app\"\nclient_secret = \"{secret}\"\n\
         refresh_token = \"refresh\"\ntoken_url = \"{}\"\nserver = \"smtps://localhost:{}\"\n\
         [smtp]\nca_file = \"{}\"\n[mail]\nfrom = \"Moodify <hello@example.com>\"\n",
        server.token_url(),
        server.ports.implicit,
        server.authority().display(),
    )
}

/// What the server saw, once it took that many mails.
async fn taken(server: &MailServer, mails: usize) -> Seen {
    for _ in 0..600 {
        let seen = server.seen().await;
        if seen.mails.len() >= mails {
            return seen;
        }
        pause().await;
    }
    panic!("{mails} mails did not come");
}

#[expect(clippy::disallowed_methods, reason = "another process does it, by its own clock")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

fn sign_up(url: &str, name: &str) -> u16 {
    let person = json!({ "email": format!("{name}@example.net"), "password": "low water at the pier",
        "first_name": "Ada", "last_name": "Tide" });
    post(url, "/v1/auth/users/signup", &person).status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_sign_up_is_welcomed_once_by_gmail() {
    let Some(server) = MailServer::start().await else { return };
    let place = Place::new();
    place.file("moodify.toml", gmail(&server, "app-secret"));
    let running = place.serve(&[]);
    let url = running.url.clone();
    for name in ["ada", "grace", "refused"] {
        assert_eq!(sign_up(&url, name), 201);
    }
    // A welcome and a verification each; one mailbox is not there.
    let seen = taken(&server, 4).await;
    assert_eq!(seen.fetched, 1);
    let mut kinds: Vec<(String, String)> = seen
        .mails
        .iter()
        .map(|mail| {
            let kind = if mail.raw.contains(".welcome@") { "welcome" } else { "verify" };
            (mail.to[0].clone(), kind.to_owned())
        })
        .collect();
    kinds.sort();
    let expected = [("ada", "verify"), ("ada", "welcome"), ("grace", "verify"), ("grace", "welcome")];
    let expected = expected.map(|(name, kind)| (format!("{name}@example.net"), kind.to_owned()));
    assert_eq!(kinds, expected);
    // What is refused for good is kept with the server's words.
    let dead = loop {
        let listed = place.run(&["dead-letters", "list"]);
        if listed.stdout.contains("nobody of that name") {
            break listed.stdout;
        }
        pause().await;
    };
    assert!(dead.contains("5.1.1"), "{dead}");
    let log = running.kill();
    for secret in ["app-secret", "token-1", "1//", "\"refresh\""] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

/// It answers 500, and then not at all: nobody who signs up hears of it, and each mail goes out once it works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_endpoint_in_trouble_only_costs_time() {
    let Some(server) = MailServer::start().await else { return };
    let place = Place::new();
    let settings = gmail(&server, "app-secret").replace("[smtp]\n", "[smtp]\ntimeout_secs = 2\n");
    place.file("moodify.toml", settings);
    let running = place.serve(&[]);
    for (name, trouble, mails) in [("ada", "broken", 2), ("grace", "silent", 4)] {
        let before = server.seen().await.fetched;
        // What it has is not worth anything any more.
        server.control(json!({ "tokens": trouble, "revoke": true, "hang_up": true })).await;
        assert_eq!(sign_up(&running.url, name), 201);
        while server.seen().await.fetched == before {
            pause().await;
        }
        assert_eq!(server.seen().await.mails.len(), mails - 2, "{trouble}");
        server.control(json!({ "tokens": "granted" })).await;
        let seen = taken(&server, mails).await;
        let to = format!("{name}@example.net");
        assert_eq!(seen.mails.iter().filter(|mail| mail.to[0] == to).count(), 2, "{trouble}");
    }
    running.terminate();
    let (code, log) = running.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("to be tried again") && !log.contains("given up"), "{log}");
    assert!(!log.contains("app-secret"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_the_server_took_without_a_word_is_not_sent_again_in_a_hurry() {
    let Some(server) = MailServer::start().await else { return };
    let place = Place::new();
    let mailer = format!("smtp://127.0.0.1:{}?tls=off", server.ports.plain);
    place.file("moodify.toml", format!("mailer = \"{mailer}\"\n[smtp]\ntimeout_secs = 1\n"));
    let running = place.serve(&[]);
    assert_eq!(sign_up(&running.url, "silent"), 201);
    taken(&server, 2).await;
    // What began later and failed has been tried again by now: both of its mails.
    assert_eq!(sign_up(&running.url, "stuck"), 201);
    let mut seen = server.seen().await;
    for _ in 0..1_200 {
        if seen.held >= 4 {
            break;
        }
        pause().await;
        seen = server.seen().await;
    }
    assert!(seen.held >= 4, "{} tries", seen.held);
    assert_eq!(seen.mails.len(), 2);
    let log = running.kill();
    assert_eq!(log.matches("no answer came: it may be on its way").count(), 2, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_says_what_is_wrong_with_the_mail_server() {
    let Some(server) = MailServer::start().await else { return };
    let place = Place::new();
    let row = || {
        let ended = place.run(&["doctor", "--listen", "127.0.0.1:0"]);
        let rows = ended.stdout.split_once("\nmailer").unwrap().1.to_owned();
        rows.split("\nsync").next().unwrap().to_owned()
    };
    place.file("moodify.toml", gmail(&server, "app-secret"));
    assert!(row().contains(" ok "), "{}", row());
    place.file("moodify.toml", gmail(&server, "another-secret"));
    assert!(row().contains("FAIL") && row().contains("invalid_grant"), "{}", row());
    assert!(row().contains("MOODIFY_GMAIL_REFRESH_TOKEN"), "it says what to do: {}", row());
    assert!(!row().contains("another-secret"));

    let smtp = |user: &str, port: u16| format!("mailer = \"smtp://{user}@localhost:{port}\"\n");
    place.file("moodify.toml", smtp("ada:wrong", server.ports.starttls));
    assert!(row().contains("FAIL") && row().contains("certificate"), "{}", row());
    let trusted = format!("[smtp]\nca_file = \"{}\"\n", server.authority().display());
    place.file("moodify.toml", smtp("ada:wrong", server.ports.starttls) + &trusted);
    assert!(row().contains("FAIL") && row().contains("who are you?"), "{}", row());
    assert!(row().contains("user and password"), "it says what to do: {}", row());
    assert!(!row().contains("wrong"), "{}", row());
    place.file("moodify.toml", smtp("ada:se%3Acret%2F", server.ports.starttls) + &trusted);
    assert!(row().contains(" ok "), "{}", row());
    place.file("moodify.toml", smtp("ada:se%3Acret%2F", 1) + &trusted);
    assert!(row().contains("FAIL") && row().contains("refused"), "{}", row());
}

#[test]
fn settings_that_cannot_be_meant_stop_the_start() {
    let place = Place::new();
    for (settings, what) in [
        ("mailer = \"smtp://ada@mail.example.org\"", "password"),
        ("mailer = \"smtp://ada:s3cret@mail.example.org?tls=off\"", "readable on its way"),
        ("mailer = \"gmail://\"", "no mailbox"),
        ("mailer = \"gmail://hello@example.com\"", "gmail.client_id is not set"),
    ] {
        place.file("moodify.toml", settings);
        let ended = place.run(&["serve", "--listen", "127.0.0.1:0"]);
        ended.assert_told(what, "");
        assert!(!ended.stderr.contains("s3cret"), "{ended:?}");
    }
}
