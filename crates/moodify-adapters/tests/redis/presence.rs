//! Connections of processes that die, or are taken for dead.

use std::time::Duration;

use futures::FutureExt;
use moodify_core::conformance::samples;
use moodify_core::model::{AccountId, DeviceId};
use moodify_core::port::{Signal, Subscriber, SyncHub};

use crate::server::RedisServer;
use crate::slot::Slot;
use crate::{bounded, hear, hear_hint, hint, subscriber, until};

const LEASE: Duration = Duration::from_secs(2);

/// Its connections are told to one process, once, and seen by nobody any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_on_a_process_that_died_is_gone_after_its_lease() {
    let Some(slot) = Slot::take() else { return };
    let slot = slot.with_lease(LEASE);
    let (dies, lives, third) = (slot.redis(None).await, slot.redis(None).await, slot.redis(None).await);
    let account: AccountId = samples::id();
    let phone = Subscriber { device: Some(DeviceId::parse("phone").unwrap()), ..subscriber(account) };
    let kitchen = subscriber(account);
    let phones = dies.hub().subscribe(&phone).await.unwrap();
    let _kitchens = lives.hub().subscribe(&kitchen).await.unwrap();
    until("both are seen", async || lives.hub().online(account).await.unwrap().len() == 2).await;
    let (first, second) = (lives.hub(), third.hub());
    let deserted = tokio::spawn(async move {
        tokio::select! { gone = first.deserted() => gone, gone = second.deserted() => gone }
    });
    // Without a word: nothing of it runs any more.
    drop(dies);
    drop(phones);
    assert_eq!(bounded(deserted).await.unwrap(), phone);
    assert_eq!(lives.hub().online(account).await.unwrap(), [kitchen]);
    let (one, other) = (lives.hub(), third.hub());
    tokio::time::timeout(LEASE, async { tokio::join!(one.deserted(), other.deserted()) })
        .await
        .expect_err("it is told once");
}

/// Its devices do not notice, but for being brought up to date.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_taken_for_dead_joins_again() {
    let Some(server) = RedisServer::start() else { return };
    let slot = Slot::on(&server.url()).with_lease(LEASE);
    let late = slot.redis(None).await;
    let leases = format!("{}:leases", slot.config.prefix);
    let its = server.control(&["ZRANGE", &leases, "0", "-1"]);
    let other = slot.redis(None).await;
    let account = samples::id();
    let phone = subscriber(account);
    let mut signals = late.hub().subscribe(&phone).await.unwrap();
    server.control(&["ZREM", &leases, its.lines().nth(2).unwrap()]);
    until("nobody sees it", async || other.hub().online(account).await.unwrap().is_empty()).await;
    assert_eq!(hear(&mut signals).await, Signal::Missed);
    until("it is seen again", async || other.hub().online(account).await.unwrap() == [phone.clone()]).await;
    assert_eq!(late.hub().online(account).await.unwrap(), [phone]);
    let kitchen = subscriber(account);
    other.hub().publish(account, kitchen.connection, &hint(7)).await.unwrap();
    hear_hint(&mut signals).await;
}

/// Whoever takes leave in order is not looked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_takes_leave_leaves_nothing() {
    let Some(server) = RedisServer::start() else { return };
    let slot = Slot::on(&server.url());
    let (ends, stays) = (slot.redis(None).await, slot.redis(None).await);
    let account = samples::id();
    let signals = ends.hub().subscribe(&subscriber(account)).await.unwrap();
    assert_eq!(stays.hub().online(account).await.unwrap().len(), 1);
    drop(signals);
    until("it has left", async || stays.hub().online(account).await.unwrap().is_empty()).await;
    ends.close().await;
    drop(ends);
    let left = server.control(&["KEYS", &format!("{}:online:*", slot.config.prefix)]);
    assert_eq!(left, "*0\r\n");
    assert!(stays.hub().deserted().now_or_never().is_none());
}
