//! What waits, waits in the broker, by its clock; and not with a process that does not know of it any more.

use std::collections::BTreeSet;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeleteOptions};
use moodify_core::conformance::samples;
use moodify_core::memory::SystemClock;
use moodify_core::model::{Event, EventId, EventKind, later};
use moodify_core::port::{Clock, Depth, Queue};

use super::{LEASE, MAIL, asks_for, next, now};
use crate::slot::Slot;

/// Receives until all of these have come, some of which are here already.
async fn all_come(queue: &dyn Queue, mut here: BTreeSet<EventId>, events: &[Event]) {
    let wanted: BTreeSet<EventId> = events.iter().map(|event| event.id).collect();
    for _ in 0..1_000 {
        let deliveries = queue.receive(MAIL, events.len(), now(), LEASE).await.unwrap();
        here.extend(deliveries.iter().map(|delivery| delivery.event.id));
        if here == wanted {
            return;
        }
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
    panic!("{} of {} came", here.len(), wanted.len());
}

/// Over several queues, and what is left of it: never early, and not much late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_comes_back_by_itself_when_it_is_due() {
    let Some(slot) = Slot::take().await else { return };
    let slot = slot.waiting(&[100, 700].map(Duration::from_millis));
    let queue = slot.queue().await;
    queue.declare(&asks_for(&[EventKind::AccountCreated])).await.unwrap();
    queue.publish(&samples::event(EventKind::AccountCreated), now()).await.unwrap();
    let first = next(&*queue).await;
    let due = later(now(), Duration::from_millis(1_650));
    queue.retry(&first.id, due, "busy").await.unwrap();
    assert_eq!(queue.depth(MAIL).await.unwrap(), Depth { waiting: 1, dead: 0 });

    let second = next(&*queue).await;
    let late = now().duration_since(due);
    assert!(!late.is_negative() && late.as_secs_f64() < 3.0, "{late}");
    assert_eq!((second.id.attempt, second.failures, second.silent), (2, 1, 1));
    assert_eq!(second.event, first.event);
    queue.postpone(&second.id, later(now(), Duration::from_millis(10))).await.unwrap();
    let third = next(&*queue).await;
    assert_eq!((third.id.attempt, third.failures, third.silent), (3, 1, 1));
    queue.ack(&third.id).await.unwrap();
    assert_eq!(queue.depth(MAIL).await.unwrap(), Depth::default());
}

/// A process that could not sort what it was given gives it back, and not only when its connection ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dropped_line_was_given_comes_to_another_at_once() {
    let Some(slot) = Slot::take().await else { return };
    let slot = slot.waiting(&[Duration::from_secs(3_600)]);
    let (one, other) = (slot.queue().await, slot.queue().await);
    let consumer = asks_for(&[EventKind::AccountCreated]);
    one.declare(&consumer).await.unwrap();
    let channel = slot.channel().await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    // Nobody can read it, so it has to wait; and there is nowhere to.
    let wait = slot.name(&format!("{MAIL}.wait.3600s"));
    channel.queue_delete(wait, QueueDeleteOptions::default()).await.unwrap();
    let (options, properties) = (BasicPublishOptions::default(), Default::default());
    let published = channel.basic_publish("".into(), slot.name(MAIL), options, b"{\"of\": 2031}", properties);
    published.await.unwrap().await.unwrap();
    let events: Vec<_> = (0..5).map(|_| samples::event(EventKind::AccountCreated)).collect();
    one.publish_all(&events, now()).await.unwrap();
    let fault = one.receive(MAIL, 10, now(), LEASE).await;
    assert!(fault.is_err(), "{fault:?}");

    other.declare(&consumer).await.unwrap();
    all_come(&*other, BTreeSet::new(), &events).await;
    one.check().await.expect("its connection has not ended");
}

/// Whoever stops waiting for deliveries, at whatever point, has lost none of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reception_that_is_broken_off_loses_nothing() {
    let Some(slot) = Slot::take().await else { return };
    let queue = slot.queue().await;
    queue.declare(&asks_for(&[EventKind::AccountCreated])).await.unwrap();
    let events: Vec<_> = (0..40).map(|_| samples::event(EventKind::AccountCreated)).collect();
    queue.publish_all(&events, now()).await.unwrap();
    let mut here = BTreeSet::new();
    // Fewer than the broker would take for a consumer that dies of a message.
    for nth in 0..20 {
        let patience = Duration::from_micros(500 * nth);
        let received = tokio::time::timeout(patience, queue.receive(MAIL, 1, now(), LEASE)).await;
        here.extend(received.into_iter().flat_map(Result::unwrap).map(|delivery| delivery.event.id));
    }
    all_come(&*queue, here, &events).await;
}
