//! Events over a RabbitMQ that is stopped, killed and misconfigured under the running program.
#![cfg(feature = "rabbitmq")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../../../crates/moodify-adapters/tests/shared/broker.rs"]
mod broker;
mod support;

use std::{fs, sync::Arc, time::Duration};

use broker::Broker;
use moodify_adapters::rabbitmq::{RabbitConfig, RabbitQueue};
use moodify_core::{
    memory::SystemClock,
    model::{EventId, EventKind},
    port::{Clock, Queue},
};
use serde_json::json;
use support::{
    Place, Server,
    http::{get, post},
    wait_for,
};

fn settings(place: &Place, queue: &str) {
    place.file("moodify.toml", format!("queue = \"{queue}\"\n"));
}

fn sign_up(server: &Server, names: std::ops::Range<usize>) {
    for n in names {
        let person = json!({ "email": format!("listener{n}@example.org"), "password": "low water at the pier",
            "first_name": "Nina", "last_name": "Tide" });
        assert_eq!(post(&server.url, "/v1/auth/users/signup", &person).status, 201);
    }
}

/// The addresses that were welcomed, each as often as it was.
fn welcomed(place: &Place) -> Vec<String> {
    let folder = place.path().join("data/mail");
    let files = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let welcomes = files.filter(|path| path.to_string_lossy().ends_with(".welcome.eml"));
    let to =
        |mail: String| mail.lines().find_map(|line| line.strip_prefix("To: ").map(str::to_owned)).unwrap();
    let mut welcomed: Vec<_> = welcomes.map(|path| to(fs::read_to_string(path).unwrap())).collect();
    welcomed.sort();
    welcomed
}

fn all_are_welcomed(place: &Place, people: usize) {
    wait_for("mail for everybody", || welcomed(place).len() >= people);
    let mut once = welcomed(place);
    assert_eq!(once.len(), people);
    once.dedup();
    assert_eq!(once.len(), people, "somebody was welcomed twice");
}

/// What readiness says of a part, and its status.
fn readiness(server: &Server, part: &str) -> (u16, String) {
    let answer = get(&server.url, "/health/ready", "");
    let body = answer.json();
    let check = body["checks"].as_array().unwrap().iter().find(|check| check["name"] == part).unwrap();
    (answer.status, check["status"].as_str().unwrap().to_owned())
}

#[test]
fn nobody_who_signs_up_waits_for_a_broker() {
    let Some(broker) = Broker::start() else { return };
    let place = Place::new();
    settings(&place, &broker.url());
    let server = place.serve(&[]);
    sign_up(&server, 0..5);
    all_are_welcomed(&place, 5);
    assert_eq!(readiness(&server, "queue"), (200, "ok".to_owned()));

    broker.stop();
    sign_up(&server, 5..15);
    wait_for("sign of the broker's end", || readiness(&server, "queue") == (200, "failed".to_owned()));
    assert_eq!(welcomed(&place).len(), 5);
    broker.start_again();
    all_are_welcomed(&place, 15);
    wait_for("sign of the broker's return", || readiness(&server, "queue") == (200, "ok".to_owned()));

    // And at once again, in the middle of it.
    sign_up(&server, 15..20);
    broker.stop();
    broker.start_again();
    sign_up(&server, 20..25);
    all_are_welcomed(&place, 25);
    // What came twice is still to be found done, after the mails.
    wait_for("the end of what waits in the broker", || is_idle(&broker));
    server.terminate();
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("connected to the broker"), "{log}");
    assert!(is_idle(&broker));
}

/// Whether no queue holds a message, given out or not.
fn is_idle(broker: &Broker) -> bool {
    let queues = broker.control(&["list_queues", "--quiet", "--no-table-headers", "name", "messages"]);
    queues.lines().all(|queue| queue.ends_with("\t0"))
}

/// Killed with deliveries in its hands, over and over: each mail goes out once.
#[test]
fn a_server_that_is_killed_loses_nothing() {
    let Some(broker) = Broker::start() else { return };
    let place = Place::new();
    settings(&place, &broker.url());
    for round in 0..5 {
        let server = place.serve(&[]);
        sign_up(&server, round * 4..round * 4 + 4);
        drop(server.kill());
    }
    let _server = place.serve(&[]);
    all_are_welcomed(&place, 20);
}

/// Gives up the next thing that somebody is to be told of; returns its event.
#[tokio::main]
async fn give_up(broker: &Broker) -> EventId {
    let config = RabbitConfig::from_url(&broker.url().into()).unwrap();
    let queue = RabbitQueue::connect(config, Arc::new(SystemClock)).await.unwrap();
    loop {
        let now = SystemClock.now();
        for delivery in queue.receive("notification", 1, now, Duration::from_secs(60)).await.unwrap() {
            if delivery.event.payload.kind() == EventKind::AccountCreated {
                queue.dead_letter(&delivery.id, "550 no such mailbox", now).await.unwrap();
                queue.close().await;
                return delivery.event.id;
            }
            queue.postpone(&delivery.id, now).await.unwrap();
        }
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn dead_letters_are_listed_and_replayed_over_the_broker() {
    let Some(broker) = Broker::start() else { return };
    let place = Place::new();
    settings(&place, &broker.url());
    let auth = place.serve(&["auth"]);
    let none = place.run(&["dead-letters", "list"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), "There is no dead letter.\n"), "{none:?}");
    sign_up(&auth, 0..1);
    let event = give_up(&broker).to_string();
    let listed = place.run(&["dead-letters", "list"]);
    assert!(listed.stdout.contains(&event) && listed.stdout.contains("550 no such mailbox"), "{listed:?}");
    let doctor = place.run(&["doctor", "--listen", "127.0.0.1:0"]);
    assert!(doctor.stdout.contains("1 dead letters for notification"), "{doctor:?}");
    let replayed = place.run(&["dead-letters", "replay", "--id", &event]);
    assert_eq!(
        (replayed.code, replayed.stdout.as_str()),
        (Some(0), "notification: 1 replayed\n"),
        "{replayed:?}"
    );
    place.run(&["dead-letters", "drop", "--id", &event]).assert_told("no dead letter", "list");
    let _notification = place.serve(&["notification"]);
    all_are_welcomed(&place, 1);
}

/// The row of the queue.
fn doctor(place: &Place) -> String {
    let ended = place.run(&["doctor", "--listen", "127.0.0.1:0"]);
    let rows = ended.stdout.split_once("\nqueue").unwrap().1.to_owned();
    rows.split("\nmedia").next().unwrap().to_owned()
}

#[test]
fn doctor_and_start_say_what_is_wrong_with_the_broker() {
    let Some(broker) = Broker::start() else { return };
    let place = Place::new();
    assert_eq!(place.run(&["migrate"]).code, Some(0));
    settings(&place, &broker.url());
    let row = doctor(&place);
    assert!(row.contains(" ok ") && row.contains("sent a message through amqp://***@127.0.0.1"), "{row}");

    let no_password = broker.url_of("guest", "hunter2");
    let no_host = format!("{}/nowhere", broker.url());
    broker.control(&["add_vhost", "other"]);
    broker.control(&["set_permissions", "-p", "other", "guest", "", ".*", ".*"]);
    let no_right = format!("{}/other", broker.url());
    for (queue, what, fix) in [
        (&no_password, "refuses the log-in of guest", "correct user and password"),
        (&no_host, "virtual host nowhere", "rabbitmqctl add_vhost"),
        (&no_right, "may not do this", "rabbitmqctl set_permissions"),
    ] {
        settings(&place, queue);
        let row = doctor(&place);
        assert!(row.contains("FAIL") && row.contains(what) && row.contains(fix), "{row}");
        let ended = place.run(&["serve", "--listen", "127.0.0.1:0"]);
        ended.assert_told(what, fix);
        assert!(!format!("{row}{ended:?}").contains("hunter2"), "{row}{ended:?}");
    }

    broker.stop();
    settings(&place, &broker.url());
    let row = doctor(&place);
    assert!(row.contains("FAIL") && row.contains("out of reach"), "{row}");
    // It starts all the same: mails wait, and nobody who signs up does.
    let server = place.serve(&[]);
    sign_up(&server, 0..1);
    broker.start_again();
    all_are_welcomed(&place, 1);
}

/// What docs/operations.md tells an operator to allow is enough.
#[test]
fn a_user_with_the_documented_rights_is_enough() {
    let Some(broker) = Broker::start() else { return };
    let page = include_str!("../../../docs/operations.md");
    let line = page.lines().find(|line| line.starts_with("rabbitmqctl set_permissions")).unwrap();
    let rights: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
    broker.control(&["add_vhost", "moodify"]);
    broker.control(&["add_user", "moodify", "secret"]);
    broker.control(&[&["set_permissions", "-p", "moodify", "moodify"], rights.as_slice()].concat());
    let place = Place::new();
    settings(&place, &format!("{}/moodify", broker.url_of("moodify", "secret")));
    let server = place.serve(&[]);
    sign_up(&server, 0..2);
    all_are_welcomed(&place, 2);
    assert!(doctor(&place).contains(" ok "), "{}", doctor(&place));
}

#[test]
fn urls_that_cannot_be_meant_stop_the_start() {
    let place = Place::new();
    for (settings, what) in [
        ("queue = \"amqp://ada@mq.example.org\"", "a user without a password"),
        (
            "queue = \"amqp://ada:s3cret@mq.example.org/a/b\"",
            "it is not `amqp://user:password@host:port/vhost`",
        ),
        ("queue = \"amqp://mq.example.org?heartbeat=5\"", "it has no options"),
        ("[rabbitmq]\nprefix = \"a.b\"", "1 to 64 letters"),
    ] {
        place.file("moodify.toml", settings);
        let ended = place.run(&["serve", "--listen", "127.0.0.1:0"]);
        ended.assert_told(what, "");
        assert!(!ended.stderr.contains("s3cret"), "{ended:?}");
    }
}
