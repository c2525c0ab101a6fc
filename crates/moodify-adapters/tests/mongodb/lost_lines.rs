//! Connections that end while a step is under way, as they do behind a balancer or over a firewall.

use std::time::Duration;

use moodify_adapters::mongodb::{MongoConfig, MongoStore};
use moodify_core::conformance::samples;
use moodify_core::port::{Outbox, UserStore};

use crate::line::{End, Line};
use crate::slot::Slot;
use crate::{new_slot, sign_up};

/// Somebody signs up over a line that ends then. Returns how many transactions that took.
async fn sign_up_over(slot: &Slot, end: End) -> usize {
    let line = Line::to(slot.url(), end).await;
    let mut config = MongoConfig::new(line.url_of(slot.url()));
    (config.connect_timeout, config.operation_timeout) = (Duration::from_secs(90), Duration::from_secs(90));
    let store = MongoStore::connect(&config).await.unwrap();
    let before = line.begun();
    let (new, event) = sign_up(&store).await;
    assert!(line.has_ended(), "the connection was never cut");
    assert_eq!(store.account(new.account.id).await.unwrap(), Some(new.account));
    let told = store.lease(10, samples::moment(), Duration::from_secs(30)).await.unwrap();
    assert_eq!(told, [event], "told once");
    line.begun() - before
}

#[tokio::test]
async fn a_step_whose_connection_ends_is_begun_again() {
    let (_, slot) = new_slot!();
    assert_eq!(sign_up_over(&slot, End::InStep).await, 2);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_asked_for_and_not_made_again() {
    let (_, slot) = new_slot!();
    assert_eq!(sign_up_over(&slot, End::InCommit).await, 1);
}
