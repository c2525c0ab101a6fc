//! The Redis adapter: the promises of its ports, and what is particular to it.
#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test reports by panicking")]

mod archive;
mod faults;
mod presence;
#[path = "../shared/redis.rs"]
mod server;
mod slot;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use moodify_core::conformance::{PlaybackStoreFixture, SyncHubFixture, samples};
use moodify_core::memory::{MemoryPlaybackStore, SystemClock};
use moodify_core::model::{AccountId, DevicePresence, PlaybackState, Timestamp};
use moodify_core::port::{Clock, Hint, Signal, Signals, Subscriber};
use slot::Slot;

/// How long anything may take. Generous: test machines are shared.
const PATIENCE: Duration = Duration::from_secs(60);

async fn store() -> Option<PlaybackStoreFixture> {
    let slot = Slot::take()?;
    let redis = slot.redis(None).await;
    Some(PlaybackStoreFixture::new(redis.playback_store(), (slot, redis)))
}

async fn archived_store() -> Option<PlaybackStoreFixture> {
    let slot = Slot::take()?;
    let redis = slot.redis(Some(Arc::new(MemoryPlaybackStore::default()))).await;
    Some(PlaybackStoreFixture::new(redis.playback_store(), (slot, redis)))
}

async fn hub() -> Option<SyncHubFixture> {
    let slot = Slot::take()?;
    let (one, other) = (slot.redis(None).await, slot.redis(None).await);
    Some(SyncHubFixture::new([one.hub(), other.hub()], (slot, one, other)))
}

moodify_core::playback_store_suite!(redis_playback_store, store);
moodify_core::playback_store_suite!(redis_playback_store_with_archive, archived_store);
moodify_core::sync_hub_suite!(redis_sync_hub, hub);

fn now() -> Timestamp {
    SystemClock.now()
}

fn subscriber(account: AccountId) -> Subscriber {
    Subscriber {
        connection: samples::id(),
        account,
        session: samples::id(),
        device: None,
        round_trip: Duration::ZERO,
    }
}

fn state(rev: u64) -> PlaybackState {
    let first = PlaybackState::initial(samples::id::<uuid::Uuid>().into(), now());
    PlaybackState { rev, ..first }
}

fn hint(rev: u64) -> Hint {
    Hint::State(Arc::new(state(rev)))
}

fn presence_of(online: bool) -> DevicePresence {
    let device = serde_json::from_value(serde_json::json!({
        "device_id": "phone", "name": "Phone", "kind": "phone", "capabilities": [],
    }));
    DevicePresence { device: device.unwrap(), online, last_seen: now() }
}

async fn hear(signals: &mut Signals) -> Signal {
    let heard = tokio::time::timeout(PATIENCE, signals.next()).await;
    heard.expect("something to hear").expect("the stream goes on")
}

/// The next hint; on the way to it the line may have broken again.
async fn hear_hint(signals: &mut Signals) -> Hint {
    loop {
        match hear(signals).await {
            Signal::Hint(hint) => return hint,
            Signal::Missed => {}
            Signal::Close(reason) => panic!("closed: {reason:?}"),
        }
    }
}

/// Waits until it is so.
async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !done().await {
            SystemClock.sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "never: {what}");
}

/// Its end, whatever it is: nothing hangs.
async fn bounded<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it hangs")
}
