//! The memory adapters keep every promise of their ports.

use std::sync::Arc;

use futures::FutureExt;
use moodify_core::conformance::{
    CatalogStoreFixture, KeyStoreFixture, LibraryStoreFixture, MailerFixture, MediaStoreFixture,
    OutboxFixture, PlaybackArchiveFixture, PlaybackStoreFixture, QueueFixture, RecipientStoreFixture,
    SendLogFixture, SyncHubFixture, UploadStoreFixture, UserStoreFixture, samples,
};
use moodify_core::memory::{
    LocalSyncHub, MemoryMailer, MemoryMediaStore, MemoryPlaybackStore, MemoryQueue, MemoryStore, SystemClock,
    SystemRng, WriteBehindPlaybackStore,
};
use moodify_core::model::EventKind;
use moodify_core::port::{Mailer, Outbox, Queue, UserStore};
use moodify_core::service::Context;

async fn users() -> UserStoreFixture {
    let store = Arc::new(MemoryStore::new());
    UserStoreFixture::new(store.clone(), store, ())
}

async fn keys() -> KeyStoreFixture {
    KeyStoreFixture::new(Arc::new(MemoryStore::new()), ())
}

async fn catalog() -> CatalogStoreFixture {
    let store = Arc::new(MemoryStore::new());
    CatalogStoreFixture::new(store.clone(), store, ())
}

async fn library() -> LibraryStoreFixture {
    LibraryStoreFixture::new(Arc::new(MemoryStore::new()), ())
}

async fn outbox() -> OutboxFixture {
    let store = Arc::new(MemoryStore::new());
    OutboxFixture::new(store.clone(), store, ())
}

async fn media() -> MediaStoreFixture {
    MediaStoreFixture::new(Arc::new(MemoryMediaStore::new()), ())
}

async fn mailer() -> MailerFixture {
    MailerFixture::new(Arc::new(MemoryMailer::new()), ())
}

async fn queue() -> QueueFixture {
    QueueFixture::new(Arc::new(MemoryQueue::new()), ())
}

async fn recipients() -> RecipientStoreFixture {
    RecipientStoreFixture::new(Arc::new(MemoryStore::new()), ())
}

async fn uploads() -> UploadStoreFixture {
    UploadStoreFixture::new(Arc::new(MemoryStore::new()), ())
}

async fn send_log() -> SendLogFixture {
    SendLogFixture::new(Arc::new(MemoryStore::new()), ())
}

async fn playback() -> PlaybackStoreFixture {
    PlaybackStoreFixture::new(Arc::new(MemoryPlaybackStore::default()), ())
}

async fn archive() -> PlaybackArchiveFixture {
    PlaybackArchiveFixture::new(Arc::new(MemoryPlaybackStore::default()), ())
}

async fn write_behind() -> PlaybackStoreFixture {
    let context = Context::new(Arc::new(SystemClock), Arc::new(SystemRng));
    let store = WriteBehindPlaybackStore::new(Arc::new(MemoryPlaybackStore::default()), context);
    PlaybackStoreFixture::new(Arc::new(store), ())
}

async fn hub() -> SyncHubFixture {
    let hub = Arc::new(LocalSyncHub::default());
    SyncHubFixture::new([hub.clone(), hub], ())
}

moodify_core::user_store_suite!(user_store, users);
moodify_core::log_in_tally_suite!(log_in_tally, users);
moodify_core::key_store_suite!(key_store, keys);
moodify_core::catalog_store_suite!(catalog_store, catalog);
moodify_core::library_store_suite!(library_store, library);
moodify_core::outbox_suite!(outbox_of_store, outbox);
moodify_core::media_store_suite!(memory_media_store, media);
moodify_core::mailer_suite!(memory_mailer, mailer);
moodify_core::queue_suite!(memory_queue, queue);
moodify_core::recipient_store_suite!(recipient_store, recipients);
moodify_core::send_log_suite!(send_log_of_store, send_log);
moodify_core::playback_store_suite!(playback_store, playback);
moodify_core::playback_store_suite!(write_behind_store, write_behind);
moodify_core::playback_archive_suite!(playback_archive, archive);
moodify_core::sync_hub_suite!(sync_hub, hub);
moodify_core::upload_store_suite!(upload_store, uploads);

#[tokio::test]
async fn a_write_hints_at_the_outbox_even_between_two_waits() {
    let store = MemoryStore::new();
    assert_eq!(store.changed().now_or_never(), None);
    let new = samples::account();
    let event = samples::event(EventKind::AccountCreated);
    store.create_account(&new, &samples::session(&new.account), &[event]).await.unwrap();
    assert_eq!(store.changed().now_or_never(), Some(()));
    assert_eq!(store.changed().now_or_never(), None);
}

#[tokio::test]
async fn publishing_hints_at_the_queue_even_between_two_waits() {
    let queue = MemoryQueue::new();
    assert_eq!(queue.changed().now_or_never(), None);
    queue.publish(&samples::event(EventKind::AccountCreated), samples::moment()).await.unwrap();
    assert_eq!(queue.changed().now_or_never(), Some(()));
    assert_eq!(queue.changed().now_or_never(), None);
}

#[tokio::test]
async fn the_mailer_keeps_one_mail_for_each_message_id() {
    let mailer = MemoryMailer::new();
    let (first, second) = (samples::mail(), samples::mail());
    for mail in [&first, &second, &first] {
        mailer.send(mail).await.unwrap();
    }
    assert_eq!(mailer.sent(), [first, second]);
}
