//! From RabbitMQ to a mail server: each mail once, whatever is published twice or refused for good.
#![cfg(all(feature = "rabbitmq", feature = "smtp"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../../../crates/moodify-adapters/tests/shared/broker.rs"]
mod broker;
#[path = "js/mail_server.rs"]
mod mail_server;
mod support;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use broker::Broker;
use mail_server::MailServer;
use moodify_adapters::rabbitmq::{RabbitConfig, RabbitQueue};
use moodify_core::{
    memory::SystemClock,
    model::Event,
    port::{Clock, Depth, Queue},
};
use serde_json::json;
use support::{Place, Server, http::post};

const PEOPLE: usize = 100;
/// A welcome, and a proof of the mailbox.
const MAILS_EACH: usize = 2;
const CONSUMER: &str = "notification";

fn sign_up(server: &Server, name: &str) {
    let person = json!({ "email": format!("{name}@example.net"), "password": "low water at the pier",
        "first_name": "Ada", "last_name": "Tide" });
    assert_eq!(post(&server.url, "/v1/auth/users/signup", &person).status, 201);
}

async fn look(broker: &Broker) -> RabbitQueue {
    let config = RabbitConfig::from_url(&broker.url().into()).unwrap();
    RabbitQueue::connect(config, Arc::new(SystemClock)).await.unwrap()
}

/// All that waits for the mails, given back as it was.
async fn waiting(queue: &RabbitQueue, count: usize) -> Vec<Event> {
    let mut deliveries = Vec::new();
    while deliveries.len() < count {
        let now = SystemClock.now();
        deliveries.extend(queue.receive(CONSUMER, count, now, Duration::from_secs(60)).await.unwrap());
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
    deliveries.into_iter().map(|delivery| delivery.event).collect()
}

/// Everything is published twice, as by a relay that dies before its note of it; one of the mailboxes is not
/// there. The others get their mails, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_mail_goes_out_once_and_what_is_refused_is_a_dead_letter() {
    let Some(broker) = Broker::start() else { return };
    let Some(mailbox) = MailServer::start().await else { return };
    let place = Place::new();
    let mailer = format!("smtp://127.0.0.1:{}?tls=off", mailbox.ports.plain);
    place.file("moodify.toml", format!("queue = \"{}\"\nmailer = \"{mailer}\"\n", broker.url()));
    let auth = place.serve(&["auth"]);
    for n in 0..PEOPLE {
        if n == PEOPLE / 2 {
            sign_up(&auth, "refused");
        }
        sign_up(&auth, &format!("listener{n}"));
    }
    let queue = look(&broker).await;
    let events = waiting(&queue, (PEOPLE + 1) * MAILS_EACH).await;
    queue.publish_all(&events, SystemClock.now()).await.unwrap();
    queue.close().await;

    let notification = place.serve(&["notification"]);
    let queue = look(&broker).await;
    let mut depth = Depth::default();
    for _ in 0..600 {
        depth = queue.depth(CONSUMER).await.unwrap();
        let mails = mailbox.seen().await.mails.len();
        if depth.waiting == 0 && depth.dead >= 2 && mails >= PEOPLE * MAILS_EACH {
            break;
        }
        SystemClock.sleep(Duration::from_millis(100)).await;
    }
    // What is still being handled counts as nothing: its end is the server's.
    notification.terminate();
    assert_eq!(notification.ended().0, Some(0));
    let mut counts: BTreeMap<(String, bool), usize> = BTreeMap::new();
    for mail in mailbox.seen().await.mails {
        *counts.entry((mail.to[0].clone(), mail.raw.contains(".welcome@"))).or_default() += 1;
    }
    assert_eq!(counts.len(), PEOPLE * MAILS_EACH);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    let letters = queue.dead_letters(CONSUMER, 10).await.unwrap();
    assert!(depth.dead >= 2 && letters.iter().all(|letter| letter.reason.contains("5.1.1")), "{letters:?}");
}
