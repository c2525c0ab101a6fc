//! What the database queue keeps, forgets and wipes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::FutureExt;
use moodify_adapters::sql::{SqlQueue, SqlStore};
use moodify_core::conformance::samples;
use moodify_core::model::EventKind;
use moodify_core::port::{Consumer, Letters, Outbox, Queue, UserStore};
use sqlx::Row;
use tempfile::TempDir;

use crate::{LEASE, count, folder, open, raw, sign_up};

const NAME: &str = "notification";

async fn subscribed() -> (TempDir, PathBuf, SqlStore) {
    let (folder, path) = folder();
    let store = open(&path).await;
    let consumer = Consumer { name: NAME, kinds: EventKind::ALL.to_vec() };
    store.queue().declare(&consumer).await.unwrap();
    (folder, path, store)
}

async fn deliver(queue: &SqlQueue, now: jiff::Timestamp) -> usize {
    let deliveries = queue.receive(NAME, 10, now, LEASE).await.unwrap();
    for delivery in &deliveries {
        queue.ack(&delivery.id).await.unwrap();
    }
    deliveries.len()
}

#[tokio::test]
async fn what_was_delivered_is_remembered_for_a_while_and_then_forgotten() {
    let (_folder, path, store) = subscribed().await;
    let queue = store.queue();
    let (event, other) = (samples::event(EventKind::AccountCreated), samples::event(EventKind::TrackDeleted));
    let now = samples::moment();
    queue.publish(&event, now).await.unwrap();
    assert_eq!(deliver(&queue, now).await, 1);

    assert_eq!(queue.forget(now, 10).await.unwrap(), 0);
    queue.publish(&event, now).await.unwrap();
    assert_eq!(deliver(&queue, now).await, 0);

    queue.publish(&other, now).await.unwrap();
    assert_eq!(queue.forget(samples::after(now, Duration::from_micros(1)), 10).await.unwrap(), 1);
    assert_eq!(count(&path, "deliveries").await, 1);
}

#[tokio::test]
async fn what_may_be_published_again_is_not_forgotten() {
    let (_folder, _, store) = subscribed().await;
    let queue = store.queue();
    let (_, event) = sign_up(&store).await;
    let now = samples::moment();
    queue.publish(&event, now).await.unwrap();
    assert_eq!(deliver(&queue, now).await, 1);

    // The process died before it could mark the event, and came back a month later.
    let later = samples::after(now, 1_000 * LEASE);
    assert_eq!(queue.forget(later, 10).await.unwrap(), 0);
    queue.publish(&event, later).await.unwrap();
    assert_eq!(deliver(&queue, later).await, 0);
}

/// Everything that the file holds of this delivery but its identity.
async fn told(path: &Path) -> Vec<(String, Option<String>)> {
    let rows = sqlx::query("SELECT event, reason FROM deliveries").fetch_all(&mut raw(path).await).await;
    rows.unwrap().iter().map(|row| (row.get("event"), row.get("reason"))).collect()
}

#[tokio::test]
async fn the_secret_of_a_link_is_wiped_with_the_delivery_that_held_it() {
    let (_folder, path, store) = subscribed().await;
    let queue = store.queue();
    let now = samples::moment();
    for _ in 0..2 {
        queue.publish(&samples::event(EventKind::PasswordResetRequested), now).await.unwrap();
    }
    let deliveries = queue.receive(NAME, 10, now, LEASE).await.unwrap();
    assert!(told(&path).await.iter().all(|(event, _)| event.contains("\"token\":\"c2VjcmV0")));
    queue.retry(&deliveries[0].id, now, "421 busy").await.unwrap();
    let again = queue.receive(NAME, 10, now, LEASE).await.unwrap();
    queue.ack(&again[0].id).await.unwrap();
    queue.dead_letter(&deliveries[1].id, "550 no", now).await.unwrap();
    assert_eq!(queue.discard(NAME, Letters::All).await.unwrap(), 1);
    assert_eq!(told(&path).await, [(String::new(), None), (String::new(), None)]);
}

#[tokio::test]
async fn hints_follow_what_was_stored() {
    let (_folder, _, store) = subscribed().await;
    let queue = store.queue();
    assert_eq!(store.changed().now_or_never(), None);
    let (new, event) = sign_up(&store).await;
    assert_eq!(store.changed().now_or_never(), Some(()));
    store.create_session(&samples::session(&new.account), 0).await.unwrap();
    assert_eq!(store.changed().now_or_never(), None);

    assert_eq!(queue.changed().now_or_never(), None);
    queue.publish(&event, samples::moment()).await.unwrap();
    assert_eq!(store.queue().changed().now_or_never(), Some(()));
    queue.publish(&event, samples::moment()).await.unwrap();
    assert_eq!(queue.changed().now_or_never(), None);
}
