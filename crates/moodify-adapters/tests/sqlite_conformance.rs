//! The SQLite adapters keep every promise of their ports.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

use std::sync::Arc;

use moodify_adapters::sql::{SqlStore, SqliteConfig};
use moodify_core::conformance::{
    CatalogStoreFixture, KeyStoreFixture, LibraryStoreFixture, OutboxFixture, PlaybackArchiveFixture,
    PlaybackStoreFixture, QueueFixture, RecipientStoreFixture, SendLogFixture, UploadStoreFixture,
    UserStoreFixture,
};
use moodify_core::memory::{SystemClock, SystemRng, WriteBehindPlaybackStore};
use moodify_core::service::Context;
use tempfile::TempDir;

async fn store() -> (Arc<SqlStore>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = SqliteConfig::new(folder.path().join("moodify.db"));
    (Arc::new(SqlStore::connect(&config.into()).await.unwrap()), folder)
}

async fn users() -> UserStoreFixture {
    let (store, folder) = store().await;
    UserStoreFixture::new(store.clone(), store, folder)
}

async fn keys() -> KeyStoreFixture {
    let (store, folder) = store().await;
    KeyStoreFixture::new(store, folder)
}

async fn catalog() -> CatalogStoreFixture {
    let (store, folder) = store().await;
    CatalogStoreFixture::new(store.clone(), store, folder)
}

async fn library() -> LibraryStoreFixture {
    let (store, folder) = store().await;
    LibraryStoreFixture::new(store, folder)
}

async fn outbox() -> OutboxFixture {
    let (store, folder) = store().await;
    OutboxFixture::new(store.clone(), store, folder)
}

async fn queue() -> QueueFixture {
    let (store, folder) = store().await;
    QueueFixture::new(Arc::new(store.queue()), folder)
}

async fn recipients() -> RecipientStoreFixture {
    let (store, folder) = store().await;
    RecipientStoreFixture::new(store, folder)
}

async fn uploads() -> UploadStoreFixture {
    let (store, folder) = store().await;
    UploadStoreFixture::new(store, folder)
}

async fn send_log() -> SendLogFixture {
    let (store, folder) = store().await;
    SendLogFixture::new(store, folder)
}

async fn playback() -> PlaybackStoreFixture {
    let (store, folder) = store().await;
    PlaybackStoreFixture::new(store, folder)
}

async fn playback_archive() -> PlaybackArchiveFixture {
    let (store, folder) = store().await;
    PlaybackArchiveFixture::new(store, folder)
}

async fn write_behind() -> PlaybackStoreFixture {
    let (store, folder) = store().await;
    let context = Context::new(Arc::new(SystemClock), Arc::new(SystemRng));
    PlaybackStoreFixture::new(Arc::new(WriteBehindPlaybackStore::new(store, context)), folder)
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
