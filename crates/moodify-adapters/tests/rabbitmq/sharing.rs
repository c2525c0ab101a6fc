//! Several processes on one broker.

use std::time::Duration;

use futures::future::join_all;
use lapin::BasicProperties;
use lapin::options::{BasicGetOptions, BasicNackOptions, BasicPublishOptions};
use moodify_core::conformance::samples;
use moodify_core::model::{EventKind, later};
use moodify_core::port::{Depth, Letters, Queue};

use super::{LEASE, MAIL, asks_for, next, now};
use crate::slot::Slot;

const KIND: EventKind = EventKind::AccountCreated;

/// What a process had when it ended is another one's at once, and says that nobody was heard of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_leaves_behind_comes_to_another() {
    let Some(slot) = Slot::take().await else { return };
    let (one, other) = (slot.queue().await, slot.queue().await);
    one.declare(&asks_for(&[KIND])).await.unwrap();
    let event = samples::event(KIND);
    other.publish(&event, now()).await.unwrap();
    let first = next(&*one).await;
    assert_eq!((first.id.attempt, first.silent), (1, 1));
    assert_eq!(other.receive(MAIL, 10, now(), LEASE).await.unwrap(), []);
    one.close().await;
    assert!(one.ack(&first.id).await.is_err(), "it is too late for that");
    assert!(one.publish(&event, now()).await.is_err());
    let second = next(&*other).await;
    assert_eq!((second.id.attempt, second.failures, second.silent), (2, 0, 2));
    assert_eq!(second.event, event);
    other.ack(&second.id).await.unwrap();
    assert_eq!(other.depth(MAIL).await.unwrap(), Depth::default());
}

/// One takes as many as it asks for, twice over; the rest is for others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_process_takes_more_than_it_can_handle() {
    let Some(slot) = Slot::take().await else { return };
    let (one, other) = (slot.queue().await, slot.queue().await);
    one.declare(&asks_for(&[KIND])).await.unwrap();
    let events: Vec<_> = (0..30).map(|_| samples::event(KIND)).collect();
    one.publish_all(&events, now()).await.unwrap();
    assert_eq!(one.receive(MAIL, 4, now(), LEASE).await.unwrap().len(), 4);
    assert_eq!(other.receive(MAIL, 100, now(), LEASE).await.unwrap().len(), 30 - 8);
}

/// Each comes once, however many go back at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_dead_letters_are_replayed_in_pieces() {
    const MANY: usize = 450;
    let Some(slot) = Slot::take().await else { return };
    let queue = slot.queue().await;
    queue.declare(&asks_for(&[KIND])).await.unwrap();
    let channel = slot.channel().await;
    let dead = slot.name(&format!("{MAIL}.dead"));
    channel.confirm_select(Default::default()).await.unwrap();
    for _ in 0..MANY {
        let event = samples::event(KIND);
        let body = serde_json::to_vec(&event).unwrap();
        let properties = BasicProperties::default().with_message_id(event.id.to_string().into());
        let options = BasicPublishOptions::default();
        let published = channel.basic_publish("".into(), dead.clone(), options, &body, properties);
        published.await.unwrap().await.unwrap();
    }
    assert_eq!(queue.depth(MAIL).await.unwrap(), Depth { waiting: 0, dead: MANY as u64 });
    assert_eq!(queue.replay(MAIL, Letters::All, now()).await.unwrap(), MANY as u64);
    assert_eq!(queue.depth(MAIL).await.unwrap().waiting, MANY as u64);
    assert_eq!(queue.replay(MAIL, Letters::All, now()).await.unwrap(), 0);
}

/// Nobody sees half of them because somebody else looks at the other half.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_look_at_dead_letters_see_all_of_them() {
    let Some(slot) = Slot::take().await else { return };
    let (one, other) = (slot.queue().await, slot.queue().await);
    one.declare(&asks_for(&[KIND])).await.unwrap();
    let events: Vec<_> = (0..10).map(|_| samples::event(KIND)).collect();
    one.publish_all(&events, now()).await.unwrap();
    for delivery in one.receive(MAIL, 10, now(), LEASE).await.unwrap() {
        one.dead_letter(&delivery.id, "550 no", now()).await.unwrap();
    }
    let looks = (0..4).flat_map(|_| [one.clone(), other.clone()]);
    let looks = looks.map(|queue| async move { queue.dead_letters(MAIL, 100).await.unwrap().len() });
    assert_eq!(join_all(looks).await, [10; 8]);
    assert_eq!(other.discard(MAIL, Letters::Of(events[3].id)).await.unwrap(), 1);
    assert_eq!(one.replay(MAIL, Letters::All, now()).await.unwrap(), 9);
}

/// A consumer that dies of an event before any of our code runs does not die of it for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_gives_up_what_nobody_lives_to_answer() {
    let Some(slot) = Slot::take().await else { return };
    let queue = slot.queue().await;
    queue.declare(&asks_for(&[KIND])).await.unwrap();
    let event = samples::event(KIND);
    queue.publish(&event, now()).await.unwrap();
    let channel = slot.channel().await;
    let back = BasicNackOptions { requeue: true, ..Default::default() };
    let mut deliveries = 0;
    while queue.depth(MAIL).await.unwrap().dead == 0 {
        if let Some(message) = channel.basic_get(slot.name(MAIL), BasicGetOptions::default()).await.unwrap() {
            deliveries += 1;
            message.nack(back).await.unwrap();
        }
    }
    assert_eq!(deliveries, 41);
    let letters = queue.dead_letters(MAIL, 10).await.unwrap();
    assert!(letters[0].reason.contains("delivery_limit"), "{letters:?}");
    assert!(letters[0].died_at > later(event.occurred_at, Duration::ZERO), "{letters:?}");
    assert_eq!(letters[0].event, event);
    assert_eq!(queue.replay(MAIL, Letters::All, now()).await.unwrap(), 1);
    let again = next(&*queue).await;
    assert_eq!((again.failures, again.silent), (0, 1));
    assert!(again.id.attempt > 40, "{again:?}");
}

/// What only a newer version can read waits for it, and holds up nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_holds_up_nothing() {
    let Some(slot) = Slot::take().await else { return };
    let slot = slot.waiting(&[Duration::from_millis(200), Duration::from_secs(3_600)]);
    let queue = slot.queue().await;
    queue.declare(&asks_for(&[KIND])).await.unwrap();
    let channel = slot.channel().await;
    for _ in 0..20 {
        let (options, properties) = (BasicPublishOptions::default(), Default::default());
        channel
            .basic_publish("".into(), slot.name(MAIL), options, b"{\"of\": 2031}", properties)
            .await
            .unwrap();
    }
    let event = samples::event(KIND);
    queue.publish(&event, now()).await.unwrap();
    let mut received = Vec::new();
    while received.is_empty() {
        received = queue.receive(MAIL, 1, now(), LEASE).await.unwrap();
    }
    assert_eq!(received[0].event, event);
    queue.ack(&received[0].id).await.unwrap();
    assert_eq!(queue.depth(MAIL).await.unwrap(), Depth { waiting: 20, dead: 0 });
}
