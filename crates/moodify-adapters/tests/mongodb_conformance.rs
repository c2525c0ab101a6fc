//! The MongoDB adapters keep every promise of their ports.
#![cfg(feature = "mongodb")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

#[path = "mongodb/server.rs"]
mod server;
#[path = "mongodb/slot.rs"]
mod slot;

use std::sync::Arc;
use std::time::Duration;

use moodify_adapters::mongodb::{MongoStore, MongoSync, MongoSyncConfig};
use moodify_core::conformance::{
    CatalogStoreFixture, KeyStoreFixture, LibraryStoreFixture, OutboxFixture, PlaybackArchiveFixture,
    PlaybackStoreFixture, QueueFixture, RecipientStoreFixture, SendLogFixture, SyncHubFixture,
    UploadStoreFixture, UserStoreFixture,
};
use moodify_core::memory::{SystemClock, SystemRng, WriteBehindPlaybackStore};
use moodify_core::service::Context;
use slot::Slot;

async fn users() -> Option<UserStoreFixture> {
    let (store, slot) = Slot::take().await?;
    Some(UserStoreFixture::new(store.clone(), store, slot))
}

async fn keys() -> Option<KeyStoreFixture> {
    let (store, slot) = Slot::take().await?;
    Some(KeyStoreFixture::new(store, slot))
}

async fn catalog() -> Option<CatalogStoreFixture> {
    let (store, slot) = Slot::take().await?;
    Some(CatalogStoreFixture::new(store.clone(), store, slot))
}

async fn library() -> Option<LibraryStoreFixture> {
    let (store, slot) = Slot::take().await?;
    Some(LibraryStoreFixture::new(store, slot))
}

async fn outbox() -> Option<OutboxFixture> {
    let (store, slot) = Slot::take().await?;
    Some(OutboxFixture::new(store.clone(), store, slot))
}

async fn queue() -> Option<QueueFixture> {
    let (store, slot) = Slot::take().await?;
    Some(QueueFixture::new(Arc::new(store.queue()), slot))
}

async fn recipients() -> Option<RecipientStoreFixture> {
    let (store, slot) = Slot::take().await?;
    Some(RecipientStoreFixture::new(store, slot))
}

async fn uploads() -> Option<UploadStoreFixture> {
    let (store, slot) = Slot::take().await?;
    Some(UploadStoreFixture::new(store, slot))
}

async fn send_log() -> Option<SendLogFixture> {
    let (store, slot) = Slot::take().await?;
    Some(SendLogFixture::new(store, slot))
}

async fn playback() -> Option<PlaybackStoreFixture> {
    let (store, slot) = Slot::take().await?;
    Some(PlaybackStoreFixture::new(store, slot))
}

async fn playback_archive() -> Option<PlaybackArchiveFixture> {
    let (store, slot) = Slot::take().await?;
    Some(PlaybackArchiveFixture::new(store, slot))
}

async fn write_behind() -> Option<PlaybackStoreFixture> {
    let (store, slot) = Slot::take().await?;
    let context = Context::new(Arc::new(SystemClock), Arc::new(SystemRng));
    Some(PlaybackStoreFixture::new(Arc::new(WriteBehindPlaybackStore::new(store, context)), slot))
}

/// A process on this database. The server is slow where all cases ask it at once: that is no reason to cut off.
async fn process(store: &Arc<MongoStore>) -> MongoSync {
    let config = MongoSyncConfig { timeout: Duration::from_secs(60), lease: Duration::from_secs(180) };
    let context = Context::new(Arc::new(SystemClock), Arc::new(SystemRng));
    MongoSync::join(store.clone(), config, context).await.unwrap()
}

async fn shared_playback() -> Option<PlaybackStoreFixture> {
    let (store, slot) = Slot::take().await?;
    let process = process(&store).await;
    Some(PlaybackStoreFixture::new(process.playback_store(), (process, slot)))
}

async fn hub() -> Option<SyncHubFixture> {
    let (store, slot) = Slot::take().await?;
    let (one, other) = (process(&store).await, process(&store).await);
    Some(SyncHubFixture::new([one.hub(), other.hub()], (one, other, slot)))
}

moodify_core::user_store_suite!(user_store, users);
moodify_core::log_in_tally_suite!(log_in_tally, users);
moodify_core::key_store_suite!(key_store, keys);
moodify_core::catalog_store_suite!(catalog_store, catalog);
moodify_core::library_store_suite!(library_store, library);
moodify_core::outbox_suite!(outbox_of_store, outbox);
moodify_core::queue_suite!(database_queue, queue);
moodify_core::recipient_store_suite!(recipient_store, recipients);
moodify_core::send_log_suite!(send_log_of_store, send_log);
moodify_core::playback_store_suite!(playback_store, playback);
moodify_core::playback_archive_suite!(archive_of_playback, playback_archive);
moodify_core::playback_store_suite!(write_behind_store, write_behind);
moodify_core::upload_store_suite!(upload_store, uploads);
moodify_core::playback_store_suite!(shared_playback_store, shared_playback);
moodify_core::sync_hub_suite!(sync_hub_of_processes, hub);
