//! A broker that goes away, comes back, and says no.

use std::sync::Arc;
use std::time::Duration;

use moodify_adapters::rabbitmq::{RabbitConfig, RabbitQueue};
use moodify_core::conformance::samples;
use moodify_core::memory::SystemClock;
use moodify_core::model::event::EmailVerificationRequested;
use moodify_core::model::{Event, EventKind, EventPayload, MailToken, later};
use moodify_core::port::{Clock, Queue, QueueError, Unavailable};

use super::broker::{Broker, LARGEST_MESSAGE};
use super::{LEASE, MAIL, asks_for, next, now};
use crate::slot::Slot;

const KIND: EventKind = EventKind::AccountCreated;

/// Erlang starts slowly on a busy machine, and its queues after it.
const PATIENCE: Duration = Duration::from_secs(120);

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !done().await {
            SystemClock.sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "{what}");
}

fn fault(error: QueueError) -> Unavailable {
    let QueueError::Unavailable(fault) = error;
    fault
}

async fn refused(config: RabbitConfig) -> Unavailable {
    let connected = RabbitQueue::connect(config, Arc::new(SystemClock)).await;
    connected.err().expect("it was not refused")
}

/// Killed in the middle of everything: calls fail at once, and when it is back everything goes on by itself;
/// whoever was at work may still say that it is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_was_killed_is_found_again() {
    let Some(broker) = Broker::start() else { return };
    let slot = Slot::on(&broker.url());
    let queue = slot.queue().await;
    queue.declare(&asks_for(&[KIND])).await.unwrap();
    let events: Vec<_> = (0..20).map(|_| samples::event(KIND)).collect();
    queue.publish_all(&events, now()).await.unwrap();
    let leased = queue.receive(MAIL, 5, now(), LEASE).await.unwrap();
    assert_eq!(leased.len(), 5);

    broker.stop();
    until("nobody notices", async || queue.check().await.is_err()).await;
    let late = samples::event(KIND);
    let begun = now();
    for error in [
        queue.publish(&late, now()).await.unwrap_err(),
        queue.receive(MAIL, 5, now(), LEASE).await.unwrap_err(),
        queue.depth(MAIL).await.unwrap_err(),
        queue.dead_letters(MAIL, 5).await.unwrap_err(),
        queue.ack(&leased[0].id).await.unwrap_err(),
    ] {
        assert!(fault(error).retryable);
    }
    assert!(now().duration_since(begun).as_secs_f64() < 2.0, "nobody waits for a broker that is away");

    broker.start_again();
    until("it is not found", async || queue.publish(&late, now()).await.is_ok()).await;
    // The ones at work came back too, and are still theirs.
    let mut received = Vec::new();
    until("not all come", async || {
        received.extend(queue.receive(MAIL, 100, now(), LEASE).await.unwrap());
        received.len() == 17
    })
    .await;
    for delivery in &leased[1..] {
        queue.ack(&delivery.id).await.unwrap();
    }
    for delivery in &received {
        queue.ack(&delivery.id).await.unwrap();
    }
    let first = received.iter().find(|delivery| delivery.event.id == leased[0].id.event);
    assert_eq!(first.map(|delivery| delivery.id.attempt), Some(2), "its acknowledgement was lost");
    until("something is left", async || queue.depth(MAIL).await.unwrap().waiting == 0).await;
}

/// Whoever publishes is held up, and is told so at once when that is known. Whoever consumes goes on: nothing else
/// makes room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alarm_holds_up_nobody_who_makes_room() {
    let Some(broker) = Broker::start() else { return };
    let mut slot = Slot::on(&broker.url());
    slot.config.timeout = Duration::from_secs(5);
    let queue = slot.queue().await;
    queue.declare(&asks_for(&[KIND])).await.unwrap();
    let events: Vec<_> = (0..3).map(|_| samples::event(KIND)).collect();
    queue.publish_all(&events, now()).await.unwrap();

    broker.control(&["set_vm_memory_high_watermark", "0"]);
    let late = samples::event(KIND);
    until("nobody is held up", async || queue.publish(&late, now()).await.is_err()).await;
    let begun = now();
    for error in [queue.publish(&late, now()).await.unwrap_err(), queue.check().await.unwrap_err()] {
        let error = fault(error);
        assert!(error.retryable && error.to_string().contains("takes no messages"), "{error}");
    }
    assert!(now().duration_since(begun).as_secs_f64() < 2.0, "nobody waits for an alarm to end");
    for event in &events {
        let delivery = next(&*queue).await;
        assert_eq!(delivery.event, *event);
        queue.ack(&delivery.id).await.unwrap();
    }

    broker.control(&["set_vm_memory_high_watermark", "0.4"]);
    until("it is not taken", async || queue.publish(&late, now()).await.is_ok()).await;
    assert_eq!(next(&*queue).await.event, late);
}

/// What would go on to wait in another queue waits here instead: given back again and again it would be a dead
/// letter. And who said what is to become of an event was not silent, though it could not be noted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alarm_makes_no_dead_letters() {
    let Some(broker) = Broker::start() else { return };
    let mut slot = Slot::on(&broker.url()).waiting(&[Duration::from_millis(200)]);
    slot.config.timeout = Duration::from_secs(5);
    let queue = slot.queue().await;
    queue.declare(&asks_for(&[KIND])).await.unwrap();
    let event = samples::event(KIND);
    queue.publish(&event, now()).await.unwrap();
    let first = next(&*queue).await;
    let due = later(now(), Duration::from_secs(60 * 60));
    queue.retry(&first.id, due, "busy").await.unwrap();

    broker.control(&["set_vm_memory_high_watermark", "0"]);
    let unwanted = samples::event(EventKind::TrackDeleted);
    until("nobody is held up", async || queue.publish(&unwanted, now()).await.is_err()).await;
    for _ in 0..50 {
        assert_eq!(queue.receive(MAIL, 10, now(), LEASE).await.unwrap(), []);
    }
    let second = queue.receive(MAIL, 10, due, LEASE).await.unwrap().pop().expect("it is due");
    assert_eq!((second.event, second.failures, second.silent), (event, 1, 1));
    let later = later(due, LEASE);
    assert!(queue.retry(&second.id, later, "busy").await.is_err());
    let third = queue.receive(MAIL, 10, later, LEASE).await.unwrap().pop().expect("its lease is over");
    assert_eq!((third.id.attempt, third.silent), (3, 1));
    queue.ack(&third.id).await.unwrap();
}

/// Whoever starts before the broker is served when it is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_may_be_started_last() {
    let Some(broker) = Broker::start() else { return };
    let slot = Slot::on(&broker.url());
    broker.stop();
    let queue = slot.queue().await;
    queue.declare(&asks_for(&[KIND])).await.unwrap();
    let event = samples::event(KIND);
    let error = fault(queue.publish(&event, now()).await.unwrap_err());
    assert!(error.retryable && error.to_string().contains("out of reach"), "{error}");
    broker.start_again();
    until("it is not found", async || queue.publish(&event, now()).await.is_ok()).await;
    assert_eq!(next(&*queue).await.event, event);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_says_no_is_quoted() {
    let Some(broker) = Broker::start() else { return };
    let config = |url: &str| RabbitConfig::from_url(&url.to_owned().into()).unwrap();
    let error = refused(config(&broker.url_of("guest", "hunter2"))).await;
    assert!(!error.retryable && error.to_string().contains("refuses the log-in of guest"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    let error = refused(config(&format!("{}/nowhere", broker.url()))).await;
    assert!(!error.retryable && error.to_string().contains("virtual host nowhere"), "{error}");

    broker.control(&["add_user", "reader", "reader"]);
    broker.control(&["set_permissions", "reader", "", "", ".*"]);
    let error = refused(config(&broker.url_of("reader", "reader"))).await;
    assert!(!error.retryable && error.to_string().contains("set_permissions"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_certificate_of_a_trusted_authority_will_do() {
    let Some(broker) = Broker::start() else { return };
    let config = RabbitConfig::from_url(&broker.tls_url().into()).unwrap();
    let error = refused(config.clone()).await;
    assert!(!error.retryable && error.to_string().contains("is not trusted"), "{error}");
    let authorities = std::fs::read_to_string(broker.authority()).unwrap();
    let config = RabbitConfig { authorities: Some(authorities), ..config };
    let queue = RabbitQueue::connect(config.clone(), Arc::new(SystemClock)).await.unwrap();
    queue.check().await.unwrap();
    let elsewhere = RabbitConfig { host: "127.0.0.1".to_owned(), ..config };
    let error = refused(elsewhere).await;
    assert!(!error.retryable && error.to_string().contains("is not trusted"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queues_that_were_declared_otherwise_are_left_alone() {
    let Some(slot) = Slot::take().await else { return };
    let queue = slot.queue().await;
    let channel = slot.channel().await;
    channel.queue_declare(slot.name(MAIL), Default::default(), Default::default()).await.unwrap();
    let error = fault(queue.declare(&asks_for(&[KIND])).await.unwrap_err());
    assert!(!error.retryable && error.to_string().contains("rabbitmq.prefix"), "{error}");
}

/// The broker does not take it, now or ever; what stands behind it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_too_large_is_refused_for_good() {
    let Some(broker) = Broker::start() else { return };
    let slot = Slot::on(&broker.url());
    let queue = slot.queue().await;
    queue.declare(&asks_for(&[KIND, EventKind::EmailVerificationRequested])).await.unwrap();
    let sample = samples::event(EventKind::EmailVerificationRequested);
    let EventPayload::EmailVerificationRequested(payload) = sample.payload.clone() else { panic!() };
    let token = MailToken::new("x".repeat(LARGEST_MESSAGE));
    let payload = EmailVerificationRequested { token, ..payload };
    let large = Event { payload: EventPayload::EmailVerificationRequested(payload), ..sample };
    let error = fault(queue.publish(&large, now()).await.unwrap_err());
    assert!(!error.retryable && error.to_string().contains("larger than"), "{error}");
    let event = samples::event(KIND);
    queue.publish(&event, now()).await.unwrap();
    assert_eq!(next(&*queue).await.event, event);
}

/// Somebody deletes a queue: what is published from then on is kept, and its consumer goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_was_deleted_is_declared_again() {
    let Some(slot) = Slot::take().await else { return };
    let queue = slot.queue().await;
    queue.declare(&asks_for(&[KIND])).await.unwrap();
    let delete = async || {
        slot.channel().await.queue_delete(slot.name(MAIL), Default::default()).await.unwrap();
    };
    delete().await;
    let event = samples::event(KIND);
    until("nothing is published", async || queue.publish(&event, now()).await.is_ok()).await;
    let first = next(&*queue).await;
    assert_eq!(first.event, event);
    queue.ack(&first.id).await.unwrap();

    delete().await;
    // The broker takes a moment to forget it.
    until("it is not declared again", async || queue.receive(MAIL, 10, now(), LEASE).await.is_ok()).await;
    until("nothing is published", async || queue.publish(&event, now()).await.is_ok()).await;
    assert_eq!(next(&*queue).await.event, event);
}
