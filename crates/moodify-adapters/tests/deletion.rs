//! A deleted account leaves nothing in the music service: through the real consumers, on memory and on
//! SQLite, killed in the middle.
#![cfg(all(feature = "probe", feature = "sqlite"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use moodify_adapters::probe::{InProcessProbe, ProbeConfig};
use moodify_adapters::sql::{SqlStore, SqliteConfig};
use moodify_core::conformance::samples;
use moodify_core::memory::{FixedClock, MemoryMediaStore, MemoryQueue, MemoryStore, SystemClock};
use moodify_core::model::event::{AccountDeleted, AccountUpdated, PlayReported, RoleChanged};
use moodify_core::model::{
    AccountId, ArtistId, ArtistName, Caller, Description, Email, Event, EventPayload, MediaKey, PageSize,
    PersonName, PlayId, Role, Title, Track, TrackChange, Visibility,
};
use moodify_core::port::{
    CatalogStore, Clock, KeyStore, LibraryStore, MediaStore, Outbox, Queue, RecipientStore, SendLog,
    UploadStore, UserStore,
};
use moodify_core::service::accounts::SignUp;
use moodify_core::service::catalog::{NewPlaylist, NewReport, UploadFields};
use moodify_core::{AuthFailure, Config, Error, Moodify, Services};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Row};
use tempfile::TempDir;
use tokio::task::JoinHandle;

struct World<S> {
    store: Arc<S>,
    queue: Arc<dyn Queue>,
    media: Arc<MemoryMediaStore>,
    clock: Arc<FixedClock>,
    moodify: Moodify,
    _staging: TempDir,
}

impl<S> World<S>
where
    S: UserStore
        + KeyStore
        + CatalogStore
        + LibraryStore
        + Outbox
        + SendLog
        + RecipientStore
        + UploadStore
        + 'static,
{
    async fn new(store: Arc<S>, queue: Arc<dyn Queue>) -> Self {
        let (media, clock) = (Arc::new(MemoryMediaStore::new()), Arc::new(FixedClock::default()));
        let staging = tempfile::tempdir().unwrap();
        let probe = InProcessProbe::open(ProbeConfig::new(staging.path()), Arc::new(SystemClock)).unwrap();
        let moodify = Moodify::builder(Config::new("https://moodify.example".parse().unwrap()))
            .store(store.clone())
            .queue(queue.clone())
            .media(media.clone())
            .clock(clock.clone())
            .build(Arc::new(probe))
            .unwrap();
        moodify.declare_consumers().await.unwrap();
        Self { store, queue, media, clock, moodify, _staging: staging }
    }

    async fn sign_up(&self, name: &str) -> Caller {
        let accounts = self.moodify.accounts();
        let sign_up = SignUp {
            email: Email::parse(&format!("{name}@example.com")).unwrap(),
            password: accounts.new_password("a long enough secret", &[]).unwrap(),
            first_name: PersonName::parse(name).unwrap(),
            last_name: PersonName::parse("Moreau").unwrap(),
            artist_name: Some(ArtistName::parse(name).unwrap()),
            user_agent: None,
        };
        let signed_in = accounts.sign_up(sign_up).await.unwrap();
        accounts.authenticate(&signed_in.access_token).await.unwrap()
    }

    async fn upload(&self, artist: &Caller) -> Track {
        self.try_upload(artist).await.unwrap()
    }

    async fn try_upload(&self, artist: &Caller) -> Result<Track, Error> {
        let mut upload = self.moodify.catalog().begin_upload(artist).unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/media/cbr-stereo-id3v23.mp3");
        let bytes = Bytes::from(std::fs::read(path).unwrap());
        upload.audio(stream::once(async { Ok(bytes) }).boxed()).await.unwrap();
        Ok(upload.finish(UploadFields::default()).await?.track)
    }

    /// Does everything with the track and its artist that a listener can do.
    async fn enjoy(&self, listener: &Caller, track: &Track) {
        let catalog = self.moodify.catalog();
        catalog.like(listener, track.id).await.unwrap();
        catalog.follow(listener, track.artist_id).await.unwrap();
        let report = NewReport {
            play_id: PlayId::parse("first").unwrap(),
            track_id: track.id,
            started_at: samples::before(self.clock.now(), Duration::from_secs(3600)),
            played_ms: track.duration_ms,
            device_id: None,
        };
        assert!(catalog.report_play(listener, report).await.unwrap());
        let (title, description) = (Title::parse("P").unwrap(), Description::parse("").unwrap());
        let track_ids = vec![track.id];
        let new = NewPlaylist { title, description, visibility: Visibility::Public, track_ids };
        catalog.create_playlist(listener, new).await.unwrap();
    }

    /// Somebody whose session has ended: everything that changes something is refused.
    async fn tries_everything(&self, caller: &Caller, track: &Track) {
        let catalog = self.moodify.catalog();
        let uploaded = self.try_upload(caller).await.map(drop);
        let (title, description) = (Title::parse("P").unwrap(), Description::parse("").unwrap());
        let new = NewPlaylist { title, description, visibility: Visibility::Public, track_ids: Vec::new() };
        let report = NewReport {
            play_id: PlayId::parse("late").unwrap(),
            track_id: track.id,
            started_at: self.clock.now(),
            played_ms: track.duration_ms,
            device_id: None,
        };
        let own = caller.artist_id.unwrap();
        for (what, outcome) in [
            ("upload", uploaded),
            ("update", catalog.update_track(caller, track.id, None, TrackChange::default()).await.map(drop)),
            ("delete", catalog.delete_track(caller, track.id, None).await),
            ("like", catalog.like(caller, track.id).await),
            ("unlike", catalog.unlike(caller, track.id).await),
            ("follow", catalog.follow(caller, track.artist_id).await),
            ("unfollow", catalog.unfollow(caller, track.artist_id).await),
            ("play", catalog.report_play(caller, report).await.map(drop)),
            ("playlist", catalog.create_playlist(caller, new).await.map(drop)),
            ("profile", catalog.artist(caller, own).await.map(drop)),
        ] {
            let refused = matches!(outcome, Err(Error::Unauthenticated(AuthFailure::InvalidToken)));
            assert!(refused, "{what}: {outcome:?}");
        }
    }

    /// How much of all that is left.
    async fn left(&self, account: AccountId) -> [usize; 5] {
        let size = PageSize::default();
        [
            self.store.liked_tracks(account, None, size, None).await.unwrap().items.len(),
            self.store.followed_artists(account, size, None).await.unwrap().items.len(),
            self.store.history(account, None, size, None).await.unwrap().items.len(),
            self.store.list_playlists(account, size, None).await.unwrap().items.len(),
            self.store.changes(account, 0, size).await.unwrap().changes.len(),
        ]
    }

    async fn publish(&self, payload: EventPayload) {
        let event = Event::new(samples::id(), self.clock.now(), None, payload);
        self.queue.publish(&event, self.clock.now()).await.unwrap();
    }

    fn run(&self) -> JoinHandle<()> {
        let moodify = self.moodify.clone();
        tokio::spawn(async move { moodify.run(Services::MUSIC, Default::default()).await.unwrap() })
    }

    async fn media_keys(&self) -> Vec<MediaKey> {
        self.media.list().try_collect().await.unwrap()
    }

    /// The clock that tests move cuts off whatever is at work just then, and only on that clock is it tried again:
    /// when nothing happens for a while, time goes on.
    async fn until<F: Future<Output = bool>>(&self, what: &str, fact: impl Fn() -> F) {
        for _ in 0..24 {
            let patience = tokio::time::timeout(Duration::from_secs(5), async {
                while !fact().await {
                    tokio::task::yield_now().await;
                }
            });
            if patience.await.is_ok() {
                return;
            }
            self.clock.advance(Duration::from_secs(61));
        }
        panic!("never: {what}");
    }
}

async fn a_deleted_account_leaves_nothing<S>(store: Arc<S>, queue: Arc<dyn Queue>) -> (Caller, Vec<Track>)
where
    S: UserStore
        + KeyStore
        + CatalogStore
        + LibraryStore
        + Outbox
        + SendLog
        + RecipientStore
        + UploadStore
        + 'static,
{
    let world = World::new(store, queue).await;
    let (nina, otto) = (world.sign_up("nina").await, world.sign_up("otto").await);
    let mut tracks = Vec::new();
    for _ in 0..3 {
        tracks.push(world.upload(&nina).await);
    }
    let other = world.upload(&otto).await;
    world.enjoy(&nina, &other).await;
    world.enjoy(&otto, &tracks[0]).await;
    assert_eq!(world.left(nina.account_id).await, [1, 1, 1, 1, 3]);
    let kept = other.media_keys();
    assert!(world.media_keys().await.len() > kept.len());

    let artist_id = nina.artist_id;
    world
        .publish(EventPayload::AccountDeleted(AccountDeleted { account_id: nina.account_id, artist_id }))
        .await;
    // Killed as soon as the first track is gone, and begun anew when the lease has run out.
    let killed = world.run();
    let gone = || async {
        world.store.tracks_by_id(&[tracks[0].id, tracks[1].id, tracks[2].id]).await.unwrap().len() < 3
    };
    world.until("a track goes", gone).await;
    killed.abort();
    world.clock.advance(Duration::from_secs(61));
    let running = world.run();
    let gone = || async { world.store.artist(nina.artist_id.unwrap()).await.unwrap().is_none() };
    world.until("the artist goes", gone).await;
    world.until("the listener goes", || async { world.left(nina.account_id).await == [0; 5] }).await;
    world.until("the media goes", || async { world.media_keys().await.len() == kept.len() }).await;
    // The follow of an artist and the like of a track that are gone end, with a word in the feed.
    world
        .until("the like goes", || async {
            let feed = world.store.changes(otto.account_id, 0, PageSize::default()).await.unwrap().changes;
            feed.iter().filter(|change| change.kept.is_none()).count() == 2
        })
        .await;

    // The last access token changes nothing any more.
    world.tries_everything(&nina, &other).await;
    assert_eq!(world.left(nina.account_id).await, [0; 5]);
    // What was under way goes at the second look.
    world.store.like(nina.account_id, other.id, world.clock.now()).await.unwrap();
    assert_eq!(world.left(nina.account_id).await, [1, 0, 0, 0, 1]);
    world.clock.advance(Duration::from_secs(11 * 60));
    world.until("the late like goes", || async { world.left(nina.account_id).await == [0; 5] }).await;
    // An old event that is tried again brings nobody back.
    let updated = AccountUpdated {
        account_id: nina.account_id,
        email: Email::parse("nina@example.com").unwrap(),
        email_verified: true,
        first_name: PersonName::parse("Nina").unwrap(),
        artist_id,
        artist_name: Some(ArtistName::parse("Nina Simone").unwrap()),
    };
    world.publish(EventPayload::AccountUpdated(updated)).await;
    let handled = || async { world.queue.depth("music").await.unwrap().waiting == 0 };
    world.until("the old event is handled", handled).await;
    running.abort();
    assert_eq!(world.store.artist(artist_id.unwrap()).await.unwrap(), None);

    assert_eq!(world.left(otto.account_id).await, [0, 0, 0, 1, 3]);
    let other = world.store.track(other.id).await.unwrap().unwrap();
    assert_eq!(other.play_count, 1);
    let summary = world.store.artist_summary(other.artist_id).await.unwrap().unwrap();
    assert_eq!(summary.follower_count, 0);
    (nina, tracks)
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_in_memory() {
    a_deleted_account_leaves_nothing(Arc::new(MemoryStore::new()), Arc::new(MemoryQueue::new())).await;
}

/// Every value in the database, as text, with where it stands. The auth service's tables are its own
/// business, and an event is wiped when everybody has handled it.
async fn everything(path: &Path) -> Vec<(String, Vec<u8>)> {
    let options = SqliteConnectOptions::new().filename(path);
    let mut raw = SqliteConnection::connect_with(&options).await.unwrap();
    let tables = "SELECT m.name AS t, c.name AS c FROM sqlite_master AS m, pragma_table_info(m.name) AS c
                  WHERE m.type = 'table' AND m.name NOT IN ('accounts', 'mail_tokens', 'sessions', 'deliveries', 'outbox')";
    let mut found = Vec::new();
    for column in sqlx::query(tables).fetch_all(&mut raw).await.unwrap() {
        let (table, column): (String, String) = (column.get("t"), column.get("c"));
        let values =
            format!("SELECT CAST(\"{column}\" AS BLOB) AS v FROM \"{table}\" WHERE \"{column}\" IS NOT NULL");
        for row in sqlx::query(AssertSqlSafe(values)).fetch_all(&mut raw).await.unwrap() {
            found.push((format!("{table}.{column}"), row.get("v")));
        }
    }
    found
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("moodify.db");
    let store = Arc::new(SqlStore::connect(&SqliteConfig::new(&path).into()).await.unwrap());
    let (nina, tracks) = a_deleted_account_leaves_nothing(store.clone(), Arc::new(store.queue())).await;
    let mut ids = vec![nina.account_id.as_uuid(), nina.artist_id.unwrap().as_uuid()];
    ids.extend(tracks.iter().flat_map(|track| [track.audio.as_uuid()]));
    let values = everything(&path).await;
    assert!(values.iter().any(|(column, _)| column == "likes.track_id" || column == "tracks.id"));
    for (column, value) in &values {
        for id in &ids {
            // But for the tombstones: they say to others that the artist is gone, and to us that what
            // comes late is too late.
            let traced = value.windows(16).any(|part| part == id.as_bytes());
            let tombstone = ["library_changes.thing_id", "ended.id"].contains(&column.as_str());
            assert!(!traced || tombstone, "{id} in {column}");
        }
    }
}

#[tokio::test]
async fn the_auth_service_names_artists_and_the_sync_service_counts_plays() {
    let store = Arc::new(MemoryStore::new());
    let world = World::new(store, Arc::new(MemoryQueue::new())).await;
    let nina = world.sign_up("nina").await;
    let track = world.upload(&nina).await;
    let (account_id, artist_id): (AccountId, ArtistId) = (samples::id(), samples::id());
    let name = |text| Some(ArtistName::parse(text).unwrap());
    let changed =
        RoleChanged { account_id, role: Role::Artist, artist_id: Some(artist_id), artist_name: name("New") };
    world.publish(EventPayload::RoleChanged(changed)).await;
    let updated = AccountUpdated {
        account_id: nina.account_id,
        email: Email::parse("nina@example.com").unwrap(),
        email_verified: true,
        first_name: PersonName::parse("Nina").unwrap(),
        artist_id: nina.artist_id,
        artist_name: name("Nina Simone"),
    };
    world.publish(EventPayload::AccountUpdated(updated)).await;
    let report = |play_id: &str, seconds_ago| {
        EventPayload::PlayReported(PlayReported {
            account_id,
            track_id: track.id,
            play_id: PlayId::parse(play_id).unwrap(),
            started_at: samples::before(world.clock.now(), Duration::from_secs(seconds_ago)),
            played_ms: track.duration_ms,
            device_id: None,
        })
    };
    for _ in 0..2 {
        world.publish(report("one", 3600)).await;
        world.publish(report("long-ago", 25 * 3600)).await;
    }
    let running = world.run();
    world
        .until("the artists are known", || async {
            let called = async |id: ArtistId| {
                world.store.artist(id).await.unwrap().map(|artist| artist.name.to_string())
            };
            called(artist_id).await.as_deref() == Some("New")
                && called(nina.artist_id.unwrap()).await.as_deref() == Some("Nina Simone")
        })
        .await;
    let count = || async { world.store.track(track.id).await.unwrap().unwrap().play_count };
    world.until("the play counts", || async { count().await == 1 }).await;
    assert_eq!(world.queue.dead_letters("music", 10).await.unwrap(), []);
    running.abort();
    assert_eq!(count().await, 1);
}
