//! Direct uploads whose process dies at any step, or whose media store goes away: one track comes of each, or none,
//! and nothing is left.
#![cfg(all(feature = "probe", feature = "sqlite"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use moodify_adapters::probe::{InProcessProbe, ProbeConfig};
use moodify_adapters::sql::{SqlStore, SqliteConfig};
use moodify_core::conformance::samples;
use moodify_core::memory::{FixedClock, MemoryMediaStore, SystemClock};
use moodify_core::model::{
    AccountId, ArtistId, ByteStream, Caller, DirectUpload, EventKind, MediaKey, PageSize, Role, TrackFilter,
    TrackStatus, UploadStatus, Visibility,
};
use moodify_core::port::{
    ByteRange, CatalogStore, Clock, MediaError, MediaMeta, MediaObject, MediaStore, Outbox, Unavailable,
    UploadStore,
};
use moodify_core::service::catalog::NewDirectUpload;
use moodify_core::{Config, Moodify};
use tempfile::TempDir;
use tokio::sync::Notify;

/// What happens when the budget of a store is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Every call fails.
    Away,
    /// A call never returns: the process dies there.
    Killed,
}

/// A media store with a budget of calls.
struct Fragile {
    store: MemoryMediaStore,
    left: AtomicI64,
    fate: std::sync::Mutex<Fate>,
    reached: Notify,
}

impl Fragile {
    fn new() -> Self {
        let fate = std::sync::Mutex::new(Fate::Away);
        Self { store: MemoryMediaStore::new(), left: AtomicI64::new(i64::MAX), fate, reached: Notify::new() }
    }

    fn allow(&self, calls: i64, fate: Fate) {
        *self.fate.lock().unwrap() = fate;
        self.left.store(calls, Ordering::SeqCst);
    }

    fn heal(&self) {
        self.left.store(i64::MAX, Ordering::SeqCst);
    }

    fn was_spent(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }

    async fn spend(&self) -> Result<(), MediaError> {
        if self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        self.left.store(-1, Ordering::SeqCst);
        let fate = *self.fate.lock().unwrap();
        if fate == Fate::Killed {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
        Err(Unavailable::passing("the store is away").into())
    }

    async fn keys(&self) -> Vec<MediaKey> {
        self.store.list().try_collect().await.unwrap()
    }
}

#[async_trait]
impl MediaStore for Fragile {
    async fn put(&self, key: &MediaKey, len: u64, body: ByteStream<'_>) -> Result<(), MediaError> {
        self.spend().await?;
        self.store.put(key, len, body).await
    }

    async fn get(&self, key: &MediaKey, range: Option<ByteRange>) -> Result<MediaObject, MediaError> {
        self.spend().await?;
        self.store.get(key, range).await
    }

    async fn head(&self, key: &MediaKey) -> Result<Option<MediaMeta>, MediaError> {
        self.spend().await?;
        self.store.head(key).await
    }

    async fn delete(&self, key: &MediaKey) -> Result<(), MediaError> {
        self.spend().await?;
        self.store.delete(key).await
    }

    fn list(&self) -> BoxStream<'_, Result<MediaKey, MediaError>> {
        self.store.list()
    }
}

/// More than a lease, and than the first waits.
const LONG: Duration = Duration::from_secs(6 * 60);

struct World {
    store: Arc<SqlStore>,
    media: Arc<Fragile>,
    clock: Arc<FixedClock>,
    moodify: Moodify,
    nina: Caller,
    folder: TempDir,
}

fn moodify(folder: &Path, store: &Arc<SqlStore>, media: &Arc<Fragile>, clock: &Arc<FixedClock>) -> Moodify {
    let staging = folder.join("staging");
    let probe = InProcessProbe::open(ProbeConfig::new(&staging), Arc::new(SystemClock)).unwrap();
    let mut config = Config::new("https://moodify.example".parse().unwrap());
    config.catalog.upload_part_bytes = 40_000;
    let builder = Moodify::builder(config).store(store.clone()).media(media.clone()).clock(clock.clone());
    builder.build(Arc::new(probe)).unwrap()
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = SqliteConfig::new(folder.path().join("moodify.db"));
        let store = Arc::new(SqlStore::connect(&config.into()).await.unwrap());
        let (media, clock) = (Arc::new(Fragile::new()), Arc::new(FixedClock::default()));
        let moodify = moodify(folder.path(), &store, &media, &clock);
        let nina = Caller {
            account_id: samples::id::<AccountId>(),
            session_id: samples::id(),
            role: Role::Artist,
            artist_id: Some(samples::id::<ArtistId>()),
            name: "Nina".to_owned(),
            expires_at: clock.now(),
        };
        Self { store, media, clock, moodify, nina, folder }
    }

    /// As after a restart: what was only in memory is gone.
    fn restart(&mut self) {
        self.moodify = moodify(self.folder.path(), &self.store, &self.media, &self.clock);
    }

    /// An upload whose parts are all there, and that was completed.
    async fn completed(&self, file: &[u8]) -> DirectUpload {
        let new = NewDirectUpload {
            size_bytes: file.len() as u64,
            cover: None,
            title: None,
            genre: None,
            visibility: Visibility::Public,
        };
        let view = self.moodify.catalog().create_direct_upload(&self.nina, new).await.unwrap();
        for part in view.upload.parts() {
            let (from, len) = (usize::try_from(part.offset_bytes).unwrap(), part.size_bytes);
            let bytes = Bytes::copy_from_slice(&file[from..from + usize::try_from(len).unwrap()]);
            let body = stream::once(async { Ok(bytes) }).boxed();
            self.media.store.put(&part.key, len, body).await.unwrap();
        }
        let done = self.moodify.catalog().complete_direct_upload(&self.nina, view.upload.id).await.unwrap();
        assert_eq!(done.upload.status, UploadStatus::Processing);
        done.upload
    }

    /// Does what is due until nothing is, now and a while later.
    async fn work(&self) {
        for _ in 0..3 {
            while self.moodify.catalog().handle_due_uploads().await.unwrap() > 0 {}
            self.clock.advance(LONG);
        }
    }

    /// Works until the budget is spent, and dies there.
    async fn die(&self) {
        let catalog = self.moodify.catalog();
        let work = async { while catalog.handle_due_uploads().await.unwrap() > 0 {} };
        tokio::select! {
            () = work => {}
            () = self.media.reached.notified() => {}
        }
    }

    async fn releases(&self) -> usize {
        let events = self.store.lease(1_000, self.clock.now(), Duration::from_secs(1)).await.unwrap();
        self.clock.advance(Duration::from_secs(2));
        events.iter().filter(|event| event.payload.kind() == EventKind::TrackPublished).count()
    }

    /// One track that plays, announced once, with its media and nothing else.
    async fn assert_one_track(&self, upload: &DirectUpload, file: &[u8], what: &str) {
        let found = self.store.upload(upload.id).await.unwrap().unwrap();
        assert_eq!((found.status, found.refusal), (UploadStatus::Ready, None), "{what}");
        let all = TrackFilter { viewer: self.nina.artist_id, ..TrackFilter::default() };
        let tracks = self.store.list_tracks(&all, PageSize::default(), None).await.unwrap().items;
        let [track] = tracks.as_slice() else { panic!("{what}: {tracks:?}") };
        assert_eq!((track.id, track.status), (upload.track_id(), TrackStatus::Ready), "{what}");
        let mut expected = track.media_keys();
        expected.sort();
        assert_eq!(self.media.keys().await, expected, "{what}");
        let object = self.media.store.get(&track.audio_key(), None).await.unwrap();
        let pieces: Vec<Bytes> = object.body.try_collect().await.unwrap();
        assert_eq!(pieces.concat(), file, "{what}");
        assert_eq!(self.releases().await, 1, "{what}");
    }

    /// Nothing of it but the word that it was rejected.
    async fn assert_nothing(&self, upload: &DirectUpload, reason: &str) {
        let found = self.store.upload(upload.id).await.unwrap().unwrap();
        assert_eq!(found.status, UploadStatus::Rejected);
        assert_eq!(found.refusal.unwrap().code, reason);
        assert_eq!(self.media.keys().await, []);
        assert_eq!(self.store.track(upload.track_id()).await.unwrap(), None);
        assert_eq!(self.releases().await, 0);
    }
}

fn tune() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/media");
    std::fs::read(folder.join("vbr-stereo-id3v24-cover.mp3")).unwrap()
}

#[tokio::test]
async fn wherever_it_dies_or_the_store_goes_one_track_comes_of_it() {
    let file = tune();
    for fate in [Fate::Killed, Fate::Away] {
        let mut calls = 0;
        loop {
            let mut world = World::new().await;
            let upload = world.completed(&file).await;
            world.media.allow(calls, fate);
            match fate {
                Fate::Killed => world.die().await,
                Fate::Away => while world.moodify.catalog().handle_due_uploads().await.unwrap() > 0 {},
            }
            let spent = world.media.was_spent();
            world.media.heal();
            world.restart();
            world.clock.advance(LONG);
            world.work().await;
            world.assert_one_track(&upload, &file, &format!("{fate:?} after {calls} calls")).await;
            if !spent {
                break;
            }
            calls += 1;
        }
        // Two parts are looked for, read and removed; a track and its cover are put.
        assert!(calls >= 9, "{fate:?} was tried {calls} times");
    }
}

#[tokio::test]
async fn a_track_that_was_shown_just_before_the_end_is_not_made_again() {
    let (file, mut world) = (tune(), World::new().await);
    let upload = world.completed(&file).await;
    assert_eq!(world.moodify.catalog().handle_due_uploads().await.unwrap(), 1);
    let found = world.store.upload(upload.id).await.unwrap().unwrap();
    assert_eq!(found.status, UploadStatus::Publishing);
    // By whoever died right after it.
    let event = samples::event(EventKind::TrackPublished);
    assert!(world.store.publish_track(upload.track_id(), &[event]).await.unwrap());
    world.restart();
    world.work().await;
    world.assert_one_track(&upload, &file, "published twice").await;

    // The same, but its artist has deleted it before anybody came back.
    let second = world.completed(&file).await;
    world.moodify.catalog().handle_due_uploads().await.unwrap();
    let event = samples::event(EventKind::TrackPublished);
    assert!(world.store.publish_track(second.track_id(), &[event]).await.unwrap());
    world.moodify.catalog().delete_track(&world.nina, second.track_id(), None).await.unwrap();
    let kept = world.store.track(upload.track_id()).await.unwrap().unwrap().media_keys().len();
    world.restart();
    world.work().await;
    let found = world.store.upload(second.id).await.unwrap().unwrap();
    assert_eq!(found.refusal.unwrap().code, "track_deleted");
    assert_eq!(world.store.track(second.track_id()).await.unwrap(), None);
    assert_eq!(world.media.keys().await.len(), kept);
}

#[tokio::test]
async fn who_was_too_slow_leaves_nothing_behind() {
    let (file, world) = (tune(), World::new().await);
    let upload = world.completed(&file).await;
    let slow = world.moodify.catalog().clone();
    // It stands still while it stores the first object, and its lease runs out.
    world.media.allow(6, Fate::Killed);
    let mut standing = Box::pin(async move { slow.handle_due_uploads().await });
    tokio::select! {
        done = &mut standing => panic!("{done:?}"),
        () = world.media.reached.notified() => {}
    }
    world.media.heal();
    // Meanwhile the artist does not want it any more.
    world.moodify.catalog().abort_direct_upload(&world.nina, upload.id).await.unwrap();
    drop(standing);
    world.clock.advance(Duration::from_secs(2 * 60 * 60));
    world.work().await;
    assert_eq!(world.store.upload(upload.id).await.unwrap(), None);
    assert_eq!(world.media.keys().await, []);
    assert_eq!(world.store.track(upload.track_id()).await.unwrap(), None);
    assert_eq!(world.releases().await, 0);
}

#[tokio::test]
async fn the_sweep_of_dead_uploads_leaves_those_that_go_on() {
    let (file, mut world) = (tune(), World::new().await);
    let upload = world.completed(&file).await;
    assert_eq!(world.moodify.catalog().handle_due_uploads().await.unwrap(), 1);
    // The track is there but not shown, and nobody came for hours.
    world.clock.advance(Duration::from_secs(3 * 60 * 60));
    world.restart();
    assert_eq!(world.moodify.catalog().remove_stale_uploads().await.unwrap(), 0);
    world.work().await;
    world.assert_one_track(&upload, &file, "after hours").await;
}

#[tokio::test]
async fn a_store_that_never_comes_back_ends_the_upload() {
    let (file, world) = (tune(), World::new().await);
    let upload = world.completed(&file).await;
    world.media.allow(0, Fate::Away);
    for _ in 0..12 {
        while world.moodify.catalog().handle_due_uploads().await.unwrap() > 0 {}
        world.clock.advance(Duration::from_secs(60 * 60));
    }
    let found = world.store.upload(upload.id).await.unwrap().unwrap();
    assert_eq!((found.status, found.refusal.unwrap().code.as_str()), (UploadStatus::Rejected, "not_checked"));
    // What was sent goes when the store is back.
    world.media.heal();
    world.clock.advance(Duration::from_secs(60 * 60));
    world.work().await;
    world.assert_nothing(&upload, "not_checked").await;
}

#[tokio::test]
async fn reclaiming_gives_back_what_the_dead_had_taken() {
    let (file, mut world) = (tune(), World::new().await);
    let upload = world.completed(&file).await;
    world.media.allow(3, Fate::Killed);
    world.die().await;
    world.media.heal();
    world.restart();
    assert_eq!(world.moodify.catalog().handle_due_uploads().await.unwrap(), 0, "it is leased");
    world.store.reclaim(moodify_core::Services::MUSIC).await.unwrap();
    world.work().await;
    world.assert_one_track(&upload, &file, "reclaimed").await;
}
