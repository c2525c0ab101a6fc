//! The Redis adapter: the promises of its ports, and what is particular to it.
#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test reports by panicking")]

mod archive;
mod faults;
#[path = "../shared/hub.rs"]
mod hub;
mod presence;
#[path = "../shared/redis.rs"]
mod server;
mod slot;

use std::sync::Arc;

use moodify_core::conformance::{PlaybackStoreFixture, SyncHubFixture};
use moodify_core::memory::MemoryPlaybackStore;
use slot::Slot;

use hub::{bounded, hear, hear_hint, hint, now, presence_of, state, subscriber, until};

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

async fn hub_of_two() -> Option<SyncHubFixture> {
    let slot = Slot::take()?;
    let (one, other) = (slot.redis(None).await, slot.redis(None).await);
    Some(SyncHubFixture::new([one.hub(), other.hub()], (slot, one, other)))
}

moodify_core::playback_store_suite!(redis_playback_store, store);
moodify_core::playback_store_suite!(redis_playback_store_with_archive, archived_store);
moodify_core::sync_hub_suite!(redis_sync_hub, hub_of_two);
