//! Uploads whose media store fails or whose process dies: nothing is left that has no track.
#![cfg(feature = "probe")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use moodify_adapters::probe::{InProcessProbe, ProbeConfig};
use moodify_core::memory::{FixedClock, MemoryMediaStore, MemoryStore, SystemClock};
use moodify_core::model::{
    ArtistName, ByteStream, Caller, Email, EventKind, MediaKey, PageSize, PersonName, Track, TrackFilter,
    TrackStatus,
};
use moodify_core::port::{
    ByteRange, CatalogStore, MediaError, MediaMeta, MediaObject, MediaStore, Outbox, Unavailable,
};
use moodify_core::service::accounts::SignUp;
use moodify_core::service::catalog::{TrackView, UploadFields};
use moodify_core::service::delivery::Handler;
use moodify_core::{Config, Error, Moodify};
use tempfile::TempDir;

/// A media store that works so many times, then fails until it is told otherwise.
struct Failing {
    store: MemoryMediaStore,
    puts_left: AtomicU32,
    deletes_left: AtomicU32,
}

impl Failing {
    fn spend(budget: &AtomicU32) -> Result<(), MediaError> {
        let spent = budget.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        spent.map(|_| ()).map_err(|_| Unavailable::passing("no space left on device").into())
    }

    async fn keys(&self) -> Vec<MediaKey> {
        self.store.list().try_collect().await.unwrap()
    }
}

#[async_trait]
impl MediaStore for Failing {
    async fn put(&self, key: &MediaKey, len: u64, body: ByteStream<'_>) -> Result<(), MediaError> {
        Self::spend(&self.puts_left)?;
        self.store.put(key, len, body).await
    }

    async fn get(&self, key: &MediaKey, range: Option<ByteRange>) -> Result<MediaObject, MediaError> {
        self.store.get(key, range).await
    }

    async fn head(&self, key: &MediaKey) -> Result<Option<MediaMeta>, MediaError> {
        self.store.head(key).await
    }

    async fn delete(&self, key: &MediaKey) -> Result<(), MediaError> {
        Self::spend(&self.deletes_left)?;
        self.store.delete(key).await
    }

    fn list(&self) -> BoxStream<'_, Result<MediaKey, MediaError>> {
        self.store.list()
    }
}

const ALWAYS: u32 = u32::MAX;

struct World {
    clock: Arc<FixedClock>,
    store: Arc<MemoryStore>,
    media: Arc<Failing>,
    moodify: Moodify,
    artist: Caller,
    _staging: TempDir,
}

impl World {
    async fn new(puts: u32, deletes: u32) -> Self {
        let (clock, store) = (Arc::new(FixedClock::default()), Arc::new(MemoryStore::new()));
        let (puts_left, deletes_left) = (AtomicU32::new(puts), AtomicU32::new(deletes));
        let media = Arc::new(Failing { store: MemoryMediaStore::new(), puts_left, deletes_left });
        let staging = tempfile::tempdir().unwrap();
        let probe = InProcessProbe::open(ProbeConfig::new(staging.path()), Arc::new(SystemClock)).unwrap();
        let moodify = Moodify::builder(Config::new("https://moodify.example".parse().unwrap()))
            .store(store.clone())
            .media(media.clone())
            .clock(clock.clone())
            .build(Arc::new(probe))
            .unwrap();
        let accounts = moodify.accounts();
        let sign_up = SignUp {
            email: Email::parse("nina@example.com").unwrap(),
            password: accounts.new_password("a long enough secret", &[]).unwrap(),
            first_name: PersonName::parse("Nina").unwrap(),
            last_name: PersonName::parse("Moreau").unwrap(),
            artist_name: Some(ArtistName::parse("Nina").unwrap()),
            user_agent: None,
        };
        let signed_in = accounts.sign_up(sign_up).await.unwrap();
        let artist = accounts.authenticate(&signed_in.access_token).await.unwrap();
        Self { clock, store, media, moodify, artist, _staging: staging }
    }

    async fn upload(&self) -> Result<TrackView, Error> {
        let mut upload = self.moodify.catalog().begin_upload(&self.artist)?;
        upload.audio(sample("vbr-stereo-id3v24-cover.mp3")).await?;
        upload.finish(UploadFields::default()).await
    }

    async fn tracks(&self) -> Vec<Track> {
        let filter = TrackFilter { viewer: self.artist.artist_id, ..TrackFilter::default() };
        self.store.list_tracks(&filter, PageSize::default(), None).await.unwrap().items
    }

    async fn events(&self) -> Vec<moodify_core::model::Event> {
        self.store.lease(100, self.moodify.context().now(), Duration::ZERO).await.unwrap()
    }
}

fn sample(name: &str) -> ByteStream<'static> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/media");
    let bytes = Bytes::from(std::fs::read(folder.join(name)).unwrap());
    stream::once(async { Ok(bytes) }).boxed()
}

#[tokio::test]
async fn a_store_that_fails_on_the_way_is_left_as_it_was() {
    // The audio, then two sizes of the cover.
    for puts in 0..3 {
        let world = World::new(puts, ALWAYS).await;
        let failed = world.upload().await;
        assert!(matches!(failed, Err(Error::Unavailable(ref fault)) if fault.retryable), "{failed:?}");
        assert_eq!(world.media.keys().await, [], "after {puts} objects");
        assert_eq!(world.tracks().await, []);
        let kinds: Vec<EventKind> = world.events().await.iter().map(|event| event.payload.kind()).collect();
        assert_eq!(kinds, [EventKind::AccountCreated, EventKind::EmailVerificationRequested]);
    }
    let world = World::new(3, ALWAYS).await;
    assert_eq!(world.upload().await.unwrap().track.status, TrackStatus::Ready);
    assert_eq!(world.media.keys().await.len(), 3);
}

#[tokio::test]
async fn what_could_not_be_taken_back_is_swept_later() {
    let world = World::new(2, 0).await;
    assert!(world.upload().await.is_err());
    assert_eq!(world.media.keys().await.len(), 2, "the store takes nothing back just now");
    assert_eq!(world.tracks().await[0].status, TrackStatus::Processing);

    world.media.deletes_left.store(ALWAYS, Ordering::SeqCst);
    assert_eq!(world.moodify.catalog().remove_stale_uploads().await.unwrap(), 0, "it may still be going on");
    world.clock.advance(Duration::from_secs(3601));
    assert_eq!(world.moodify.catalog().remove_stale_uploads().await.unwrap(), 1);
    assert_eq!((world.media.keys().await, world.tracks().await), (vec![], vec![]));
}

#[tokio::test]
async fn the_media_of_a_deleted_track_goes_even_if_the_store_fails_first() {
    let world = World::new(ALWAYS, 0).await;
    let track = world.upload().await.unwrap().track;
    world.moodify.catalog().delete_track(&world.artist, track.id, None).await.unwrap();
    assert_eq!(world.media.keys().await.len(), 3);

    let deleted = world.events().await.pop().unwrap();
    assert_eq!(deleted.payload.kind(), EventKind::TrackDeleted);
    let catalog = world.moodify.catalog();
    assert!(catalog.handle(&deleted).await.is_err(), "to be tried again");
    world.media.deletes_left.store(ALWAYS, Ordering::SeqCst);
    for _ in 0..2 {
        catalog.handle(&deleted).await.unwrap();
    }
    assert_eq!(world.media.keys().await, []);
}

#[tokio::test]
async fn an_upload_goes_on_to_its_end_when_nobody_waits_for_it() {
    let world = World::new(ALWAYS, ALWAYS).await;
    let mut upload = world.moodify.catalog().begin_upload(&world.artist).unwrap();
    upload.audio(sample("cbr-stereo-id3v23.mp3")).await.unwrap();
    let mut finishing = Box::pin(upload.finish(UploadFields::default()));
    assert!((&mut finishing).now_or_never().is_none(), "it has begun");
    drop(finishing);
    tokio::time::timeout(Duration::from_secs(30), async {
        while world.tracks().await.first().map(|track| track.status) != Some(TrackStatus::Ready) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}
