//! `moodify dead-letters`, beside a running server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::{fs, thread, time::Duration};

use moodify_adapters::sql::{SqlStore, SqliteConfig};
use moodify_core::{
    memory::SystemClock,
    model::{
        Email, Event, EventId, EventKind, EventPayload, MailToken, PersonName, event::PasswordResetRequested,
    },
    port::{Clock, Queue},
};
use serde_json::{Value, json};
use support::{Place, http::post};

const TOKEN: &str = "c2VjcmV0LW9mLXRoaXMtbGluaw";
const RESET: &str = "019aab3d-0005-7c4e-8f11-2b7d90a1c301";

/// Two dead letters: of a sign-up through the server, and of a forgotten password. Returns the event
/// of the first.
#[tokio::main]
async fn make_dead_letters(place: &Place) -> EventId {
    let config = SqliteConfig::new(place.path().join("data/moodify.db"));
    let store = SqlStore::connect(&config.into()).await.unwrap();
    let (queue, now) = (store.queue(), SystemClock.now());
    let id: EventId = RESET.parse().unwrap();
    let requested = PasswordResetRequested {
        account_id: id.as_uuid().into(),
        email: Email::parse("nina@example.org").unwrap(),
        first_name: PersonName::parse("Nina").unwrap(),
        token: MailToken::new(TOKEN),
        expires_at: now,
    };
    queue
        .publish(&Event::new(id, now, None, EventPayload::PasswordResetRequested(requested)), now)
        .await
        .unwrap();
    let mut welcome = None;
    while welcome.is_none()
        || !queue.dead_letters("notification", 9).await.unwrap().iter().any(|l| l.id.event == id)
    {
        let now = SystemClock.now();
        for delivery in queue.receive("notification", 9, now, Duration::from_secs(60)).await.unwrap() {
            match delivery.event.payload.kind() {
                EventKind::AccountCreated => welcome = Some(delivery.id.event),
                EventKind::PasswordResetRequested => {}
                _ => {
                    queue.ack(&delivery.id).await.unwrap();
                    continue;
                }
            }
            queue.dead_letter(&delivery.id, "550 no such\r\nmailbox", now).await.unwrap();
        }
        thread::yield_now();
    }
    store.close().await;
    welcome.unwrap()
}

fn listed(place: &Place) -> Vec<Value> {
    let ended = place.run(&["dead-letters", "list", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn dead_letters_are_looked_at_replayed_and_dropped_while_the_server_runs() {
    let place = Place::new();
    let auth = place.serve(&["auth"]);
    let nina = json!({ "email": "nina@example.org", "password": "low water at the pier", "first_name": "Nina", "last_name": "Tide" });
    assert_eq!(post(&auth.url, "/v1/auth/users/signup", &nina).status, 201);
    let welcome = make_dead_letters(&place).to_string();

    let table = place.run(&["dead-letters", "list"]);
    assert_eq!(table.code, Some(0), "{table:?}");
    let rows: Vec<&str> = table.stdout.lines().collect();
    assert!(rows[0].starts_with("DIED ") && rows.len() == 3, "{table:?}");
    assert!(
        table.stdout.contains("account_created") && table.stdout.contains("550 no such mailbox"),
        "{table:?}"
    );
    let letters = listed(&place);
    let reset = letters.iter().find(|letter| letter["event"]["id"] == RESET).unwrap();
    assert_eq!((&reset["consumer"], &reset["attempts"]), (&json!("notification"), &json!(1)));
    assert_eq!(reset["event"]["data"]["token"], "(hidden)");
    assert!(!format!("{letters:?}{table:?}").contains(TOKEN), "a secret is shown");
    let none = place.run(&["dead-letters", "list", "--consumer", "music"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), "There is no dead letter.\n"));

    let dropped = place.run(&["dead-letters", "drop", "--id", RESET]);
    assert_eq!(
        (dropped.code, dropped.stdout.as_str()),
        (Some(0), "notification: 1 dropped\n"),
        "{dropped:?}"
    );
    place
        .run(&["dead-letters", "drop", "--id", RESET])
        .assert_told(&format!("no dead letter of the event {RESET}"), "dead-letters list");
    let elsewhere = ["dead-letters", "replay", "--id", &welcome, "--consumer", "sync"];
    place.run(&elsewhere).assert_told("no dead letter", "list");
    let replayed = place.run(&["dead-letters", "replay", "--all", "--json"]);
    assert_eq!((replayed.code, replayed.stdout.as_str()), (Some(0), "{\"replayed\":1}\n"), "{replayed:?}");
    assert_eq!(listed(&place), Vec::<Value>::new());

    // Now that somebody handles mails, the replayed one goes out.
    let _notification = place.serve(&["notification"]);
    let mail = place.path().join(format!("data/mail/{welcome}.welcome.eml"));
    for _ in 0..3_000 {
        if fs::exists(&mail).unwrap() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the replayed mail did not go out");
}

#[test]
fn what_to_decide_on_must_be_said() {
    let place = Place::new();
    for args in [
        &["dead-letters"][..],
        &["dead-letters", "replay"],
        &["dead-letters", "drop", "--all", "--id", RESET],
        &["dead-letters", "drop", "--id", "7"],
        &["dead-letters", "list", "--consumer", "doctor"],
    ] {
        assert_eq!(place.run(args).code, Some(2), "{args:?}");
    }
    place.run(&["dead-letters", "list"]).assert_told("there is no database at data/moodify.db", "--data");
    assert!(!place.path().join("data").exists(), "a look makes nothing");
}
