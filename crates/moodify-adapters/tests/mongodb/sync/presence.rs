//! Connections of processes that die, or are taken for dead.

use std::time::Duration;

use futures::FutureExt;
use mongodb::bson::{DateTime, doc};
use moodify_core::conformance::samples;
use moodify_core::model::{AccountId, DeviceId};
use moodify_core::port::{Signal, Subscriber, SyncHub};

use super::{bounded, config, hear, hear_hint, hint, process, raw, subscriber, until};
use crate::new_server;

/// Its connections are told to one process, once, and seen by nobody any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_on_a_process_that_died_is_gone_after_its_lease() {
    let server = new_server!(start);
    let dies = process(&server, config()).await;
    let (lives, third) = (process(&server, config()).await, process(&server, config()).await);
    let account: AccountId = samples::id();
    let phone = Subscriber { device: Some(DeviceId::parse("phone").unwrap()), ..subscriber(account) };
    let kitchen = subscriber(account);
    let phones = dies.sync.hub().subscribe(&phone).await.unwrap();
    let _kitchens = lives.sync.hub().subscribe(&kitchen).await.unwrap();
    until("both are seen", async || lives.sync.hub().online(account).await.unwrap().len() == 2).await;
    let (first, second) = (lives.sync.hub(), third.sync.hub());
    let deserted = tokio::spawn(async move {
        tokio::select! { gone = first.deserted() => gone, gone = second.deserted() => gone }
    });
    // Without a word: nothing of it runs any more.
    drop(dies.sync);
    drop(phones);
    assert_eq!(bounded(deserted).await.unwrap(), phone);
    assert_eq!(lives.sync.hub().online(account).await.unwrap(), [kitchen]);
    let (one, other) = (lives.sync.hub(), third.sync.hub());
    tokio::time::timeout(Duration::from_secs(8), async { tokio::join!(one.deserted(), other.deserted()) })
        .await
        .expect_err("it is told once");
    dies.store.close().await;
    lives.end().await;
    third.end().await;
}

/// Its devices do not notice, but for being brought up to date.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_taken_for_dead_joins_again() {
    let server = new_server!(start);
    let late = process(&server, config()).await;
    let leases = raw(&server, "sync_leases").await;
    let its = leases.find_one(doc! {}).await.unwrap().unwrap();
    let other = process(&server, config()).await;
    let account = samples::id();
    let phone = subscriber(account);
    let mut signals = late.sync.hub().subscribe(&phone).await.unwrap();
    let over = doc! { "$set": { "until": DateTime::from_millis(0) } };
    leases.update_one(doc! { "_id": its.get_str("_id").unwrap() }, over).await.unwrap();
    until("nobody sees it", async || other.sync.hub().online(account).await.unwrap().is_empty()).await;
    assert_eq!(hear(&mut signals).await, Signal::Missed);
    until("it is seen again", async || other.sync.hub().online(account).await.unwrap() == [phone.clone()])
        .await;
    until("it works again", async || late.sync.check().await.is_ok()).await;
    assert_eq!(late.sync.hub().online(account).await.unwrap(), [phone]);
    let kitchen = subscriber(account);
    other.sync.hub().publish(account, kitchen.connection, &hint(7)).await.unwrap();
    hear_hint(&mut signals).await;
    late.end().await;
    other.end().await;
}

/// Whoever takes leave in order is not looked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_takes_leave_leaves_nothing() {
    let server = new_server!(start);
    let (ends, stays) = (process(&server, config()).await, process(&server, config()).await);
    let account = samples::id();
    let signals = ends.sync.hub().subscribe(&subscriber(account)).await.unwrap();
    assert_eq!(stays.sync.hub().online(account).await.unwrap().len(), 1);
    drop(signals);
    until("it has left", async || stays.sync.hub().online(account).await.unwrap().is_empty()).await;
    ends.end().await;
    let left = raw(&server, "sync_presence").await.count_documents(doc! {}).await.unwrap();
    assert_eq!(left, 0);
    assert!(stays.sync.hub().deserted().now_or_never().is_none());
    stays.end().await;
}
