//! What a database of version 3 holds, and what must be left of it by the newest version.
//!
//! Version 3 is the last one before migrations changed what was stored. Its rows are written as that
//! version wrote them, not by the stores of today.

use std::time::Duration;

use moodify_adapters::sql::SqlStore;
use moodify_core::model::library::{Kept, LibraryChange, LibraryItem};
use moodify_core::model::search::query_words;
use moodify_core::model::{
    AccountId, Event, Genre, MailKind, Page, PageSize, PasswordHash, PlaylistId, Session, SessionId,
    Timestamp, Track, TrackChange, TrackFilter, TrackId, TrackSort, TrackStatus, Visibility,
};
use moodify_core::port::{
    CatalogStore, Claim, EntryPosition, LibraryStore, Outbox, Queue, SendLog, UserStore,
};
use moodify_core::{conformance::samples, model::EventKind};
use uuid::Uuid;

/// The version.
pub(crate) const VERSION: i64 = 3;

const LEASE: Duration = Duration::from_secs(30);
const CONSUMER: &str = "notification";

const ADA: u8 = 1;
const NINA: u8 = 2;
const SESSION: u8 = 3;
const KEY: u8 = 4;
const ARTIST: u8 = 5;
const PUBLIC: u8 = 0x10;
const PRIVATE: u8 = 0x11;
const UPLOADING: u8 = 0x12;
const FOLDED: u8 = 0x13;
const PLAYLIST: u8 = 0x20;
const ENTRIES: [u8; 3] = [0x32, 0x31, 0x33];
const WAITING: u8 = 0x40;
const DUE: u8 = 0x41;
const DEAD: u8 = 0x42;
const DONE: u8 = 0x43;
const PASSWORD: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g";

fn id<T: From<Uuid>>(n: u8) -> T {
    Uuid::from_bytes([n; 16]).into()
}

fn at(microsecond: i64) -> Timestamp {
    Timestamp::from_microsecond(microsecond).unwrap()
}

fn event(n: u8) -> String {
    format!(
        r#"{{"id":"{}","occurred_at":"2026-11-22T08:00:00.123456Z","version":1,"kind":"account_created","data":{{"account_id":"{}","email":"ada@example.com","first_name":"Ada","role":"user","artist_name":null}}}}"#,
        Uuid::from_bytes([n; 16]),
        Uuid::from_bytes([ADA; 16]),
    )
}

/// The statements that fill the database; `hex` writes bytes as this database takes them. Without a key
/// nobody has ever refreshed a session.
pub(crate) fn rows(hex: impl Fn(&str) -> String, with_key: bool) -> String {
    let bytes = |n: u8, length: usize| hex(&format!("{n:02x}").repeat(length));
    let b = |n: u8| bytes(n, 16);
    let (ada, nina, artist, list) = (b(ADA), b(NINA), b(ARTIST), b(PLAYLIST));
    let (public, private, uploading) = (b(PUBLIC), b(PRIVATE), b(UPLOADING));
    let [first, second, third] = ENTRIES.map(b);
    let mut rows = format!(
        "INSERT INTO accounts (id, email, email_verified, first_name, last_name, artist_id, artist_name,
                               password_hash, created_at)
         VALUES ({ada}, 'ada@example.com', 0, 'Ada', 'Lovelace', NULL, NULL, '{PASSWORD}', 1),
                ({nina}, 'nina@example.com', 1, 'Nina', 'Moreau', {artist}, 'Nina & the Tides', NULL, 2);
         INSERT INTO sessions (id, account_id, token_hash, generation, rotated_at, idle_expires_at, expires_at,
                               created_at)
         VALUES ({session}, {ada}, {hash}, 7, 2, 3, 4, 5);
         INSERT INTO artists (id, account_id, name, created_at) VALUES ({artist}, {nina}, 'Nina & the Tides', 2);
         INSERT INTO tracks (id, artist_id, title, title_folded, genre, genre_folded, duration_ms, size_bytes,
                             visibility, status, audio, cover, play_count, created_at, version)
         VALUES ({public}, {artist}, 'Été bleu', 'ete bleu', 'Électro', 'electro', 183040, 2934567,
                 'public', 'ready', {audio}, {cover}, 41, 10, 3),
                ({private}, {artist}, 'Bleu nuit', 'bleu nuit', NULL, NULL, 1000, 2000,
                 'private', 'ready', {audio}, NULL, 0, 11, 1),
                ({uploading}, {artist}, 'Bleu ciel', 'bleu ciel', NULL, NULL, 1000, 2000,
                 'public', 'processing', {audio}, NULL, 0, 12, 1),
                ({folded}, {artist}, 'Straße Strasse Οδός', 'straße strasse οδος', 'Großstadt', 'großstadt', 1000,
                 2000, 'public', 'ready', {audio}, NULL, 7, 13, 1);
         INSERT INTO playlists (id, owner_id, title, description, visibility, entry_count, created_at,
                                updated_at, version)
         VALUES ({list}, {ada}, 'Evening', 'For the road', 'private', 3, 20, 21, 6);
         INSERT INTO playlist_entries (id, playlist_id, track_id, position, added_at)
         VALUES ({first}, {list}, {public}, 0, 20), ({second}, {list}, {private}, 2, 20),
                ({third}, {list}, {public}, 300, 21);
         INSERT INTO outbox (id, event, leased_until) VALUES ({waiting}, '{waiting_event}', 0);
         INSERT INTO subscriptions (consumer, kind) VALUES ('{CONSUMER}', 'account_created');
         INSERT INTO deliveries (consumer, event_id, event, published_at, state, attempt, due_at, leased, reason,
                                 died_at)
         VALUES ('{CONSUMER}', {due}, '{due_event}', 30, 'open', 2, 31, 0, '421 busy', NULL),
                ('{CONSUMER}', {dead}, '{dead_event}', 30, 'dead', 5, 0, 0, '550 no', 32),
                ('{CONSUMER}', {done}, '', 30, 'done', 1, 0, 0, NULL, NULL);
         INSERT INTO send_log (event_id, kind, claimed_until, sent_at) VALUES ({done}, 'welcome', 0, 33);",
        session = b(SESSION),
        hash = bytes(9, 32),
        audio = b(0x50),
        cover = b(0x51),
        folded = b(FOLDED),
        waiting = b(WAITING),
        waiting_event = event(WAITING),
        due = b(DUE),
        due_event = event(DUE),
        dead = b(DEAD),
        dead_event = event(DEAD),
        done = b(DONE),
    );
    for (track, title) in
        [(&public, ["ete", "bleu"]), (&private, ["bleu", "nuit"]), (&uploading, ["bleu", "ciel"])]
    {
        let words =
            title.map(|word| (word, 0)).into_iter().chain(["nina", "the", "tides"].map(|word| (word, 1)));
        for (word, of_artist) in words {
            rows += &format!("INSERT INTO track_words VALUES ({track}, '{word}', {of_artist});");
        }
    }
    // As if its artist had a word with an ß, too.
    for (word, of_artist) in [("straße", 0), ("strasse", 0), ("οδος", 0), ("nina", 1), ("weiß", 1)] {
        rows += &format!("INSERT INTO track_words VALUES ({}, '{word}', {of_artist});", b(FOLDED));
    }
    if with_key {
        rows += &format!(
            "INSERT INTO keys (id, purpose, created_at, secret, first)
             VALUES ({}, 'refresh_token', 1, {}, 1);",
            b(KEY),
            bytes(0, 32)
        );
    }
    rows
}

/// Holds the stores to everything that [`rows`] wrote, with a key.
pub(crate) async fn assert_kept(store: &SqlStore) {
    assert_accounts_kept(store).await;
    assert_tracks_kept(store).await;
    assert_folds_kept(store).await;
    assert_playlist_kept(store).await;
    assert_events_kept(store).await;
    assert_private_track_is_released_once(store).await;
    // Its table may have been made anew: a session still goes with its account.
    assert!(store.delete_account(id(ADA), 0, &[]).await.unwrap());
    assert_eq!(session(store).await, None);
}

async fn session(store: &SqlStore) -> Option<Session> {
    store.session(id::<SessionId>(SESSION)).await.unwrap()
}

/// Nobody knows which key their tokens would be chained with: whose sessions they are logs in again.
pub(crate) async fn assert_sessions_without_a_key_ended(store: &SqlStore) {
    assert_eq!(session(store).await, None);
    assert!(store.account(id(ADA)).await.unwrap().is_some());
}

async fn assert_accounts_kept(store: &SqlStore) {
    let session = session(store).await.unwrap();
    assert_eq!((session.account_id, session.key_id), (id(ADA), id(KEY)));
    assert_eq!((session.generation, session.token_hash.0, session.user_agent), (7, [9; 32], None));
    let times = [session.rotated_at, session.idle_expires_at, session.expires_at, session.created_at];
    assert_eq!(times, [at(2), at(3), at(4), at(5)]);

    let ada = store.credentials_of(id(ADA)).await.unwrap().unwrap();
    assert_eq!((ada.revision, ada.account.email.as_str()), (0, "ada@example.com"));
    assert_eq!(ada.password_hash, Some(PasswordHash::from_phc(PASSWORD.to_owned())));
    let nina = store.account(id(NINA)).await.unwrap().unwrap();
    assert!(nina.email_verified && nina.artist.is_some_and(|artist| artist.id == id(ARTIST)));
}

async fn found(store: &SqlStore, filter: TrackFilter) -> Vec<TrackId> {
    let Page { items, .. } = store.list_tracks(&filter, PageSize::MAX, None).await.unwrap();
    items.iter().map(|track| track.id).collect()
}

fn searched(words: &str, sort: TrackSort) -> TrackFilter {
    let words = words.split(' ').map(str::to_owned).collect();
    TrackFilter { words, sort, ..TrackFilter::default() }
}

const SORTS: [TrackSort; 3] = [TrackSort::Newest, TrackSort::Popular, TrackSort::Title];

async fn assert_tracks_kept(store: &SqlStore) {
    let public: Track = store.track(id(PUBLIC)).await.unwrap().unwrap();
    assert_eq!((public.title.as_str(), public.artist_name.as_str()), ("Été bleu", "Nina & the Tides"));
    assert_eq!((public.play_count, public.version, public.duration_ms), (41, 3, 183_040));
    assert_eq!((public.audio, public.cover), (id(0x50), Some(id(0x51))));
    let stale = store.stale_uploads(at(13)).await.unwrap();
    assert_eq!(stale.iter().map(|track| track.id).collect::<Vec<_>>(), [id(UPLOADING)]);

    // By words of its title and of its artist, by one word and by many, in every order.
    for sort in SORTS {
        for words in ["bleu", "ete", "ble nin", "tides ete bleu"] {
            assert_eq!(found(store, searched(words, sort)).await, [id(PUBLIC)], "{words}, {sort:?}");
        }
        assert_eq!(found(store, searched("bleu rouge", sort)).await, []);
        let genre = Some(Genre::parse("electro").unwrap());
        assert_eq!(found(store, TrackFilter { genre, sort, ..TrackFilter::default() }).await, [id(PUBLIC)]);
        let viewer = Some(id(ARTIST));
        let own = found(store, TrackFilter { viewer, artist_id: viewer, ..searched("nuit", sort) }).await;
        assert_eq!(own, [id(PRIVATE)]);
    }
    let artists = store.list_artists(&["nina".to_owned()], PageSize::MAX, None).await.unwrap();
    assert_eq!(artists.items.iter().map(|found| found.artist.id).collect::<Vec<_>>(), [id(ARTIST)]);
}

/// What was folded by an older version is found as it is folded now.
async fn assert_folds_kept(store: &SqlStore) {
    for sort in SORTS {
        for query in ["STRASSE", "straße", "ΟΔΟΣ", "οδός", "Straße nina", "weiss straße", "strasse οδος"]
        {
            let words = query_words(query);
            let filter = TrackFilter { words, sort, ..TrackFilter::default() };
            assert_eq!(found(store, filter).await, [id(FOLDED)], "{query}, {sort:?}");
        }
        let genre = Some(Genre::parse("Großstadt").unwrap());
        let words = query_words("strasse");
        for words in [Vec::new(), words] {
            let filter = TrackFilter { genre: genre.clone(), words, sort, ..TrackFilter::default() };
            assert_eq!(found(store, filter).await, [id(FOLDED)], "{sort:?}");
        }
    }
    let artists = store.list_artists(&query_words("Weiß"), PageSize::MAX, None).await.unwrap();
    assert_eq!(artists.items.iter().map(|found| found.artist.id).collect::<Vec<_>>(), [id(ARTIST)]);
    // Its words go with it.
    store.delete_track(id(FOLDED), None, &[]).await.unwrap();
    assert_eq!(found(store, searched("strasse", TrackSort::Newest)).await, []);
}

async fn entries(store: &SqlStore) -> Vec<TrackId> {
    let page = store.playlist_entries(id(PLAYLIST), PageSize::MAX, None).await.unwrap();
    page.items.iter().map(|entry| entry.track.id).collect()
}

async fn assert_playlist_kept(store: &SqlStore) {
    let playlist = store.playlist(id(PLAYLIST)).await.unwrap().unwrap();
    assert_eq!((playlist.title.as_str(), playlist.entry_count, playlist.version), ("Evening", 3, 6));
    let page = store.playlist_entries(id(PLAYLIST), PageSize::MAX, None).await.unwrap();
    assert_eq!(page.items.iter().map(|entry| entry.id).collect::<Vec<_>>(), ENTRIES.map(id));
    let changes = store.changes(id::<AccountId>(ADA), 0, PageSize::MAX).await.unwrap();
    let kept = Some(Kept { at: at(21), version: Some(6) });
    let item = LibraryItem::Playlist(id::<PlaylistId>(PLAYLIST));
    assert_eq!((changes.changes, changes.until), (vec![LibraryChange { item, kept }], 1));

    // There is room between any two entries, and before and behind all of them.
    let new = |n: u8| moodify_core::model::playlist::NewEntry {
        id: id(n),
        track_id: id(PRIVATE),
        added_at: at(50),
    };
    let list = id(PLAYLIST);
    for (n, position) in
        [(0x60, EntryPosition::At(0)), (0x61, EntryPosition::At(2)), (0x62, EntryPosition::End)]
    {
        store.add_entries(list, None, &[new(n)], position, at(50)).await.unwrap();
    }
    store.move_entry(list, None, id(ENTRIES[2]), 0, at(51)).await.unwrap();
    let (a, b) = (id(PUBLIC), id(PRIVATE));
    assert_eq!(entries(store).await, [a, b, a, b, b, b]);
}

async fn assert_events_kept(store: &SqlStore) {
    let read = |n| serde_json::from_str::<Event>(&event(n)).unwrap();
    let now = samples::moment();
    assert_eq!(store.lease(10, now, LEASE).await.unwrap(), [read(WAITING)]);
    let queue = store.queue();
    let [due] = queue.receive(CONSUMER, 10, now, LEASE).await.unwrap().try_into().unwrap();
    assert_eq!((&due.event, due.id.attempt, due.failures), (&read(DUE), 3, 0));
    queue.ack(&due.id).await.unwrap();
    let [dead] = queue.dead_letters(CONSUMER, 10).await.unwrap().try_into().unwrap();
    assert_eq!((dead.event, dead.reason.as_str(), dead.died_at), (read(DEAD), "550 no", at(32)));
    assert_eq!(store.claim(id(DONE), MailKind::Welcome, now, LEASE).await.unwrap(), Claim::Sent);
}

/// What was public once was announced; what was private is news.
async fn assert_private_track_is_released_once(store: &SqlStore) {
    let to = |visibility| TrackChange { visibility: Some(visibility), ..TrackChange::default() };
    for (track, news) in [(PUBLIC, false), (PRIVATE, true)] {
        let announced = samples::event(EventKind::TrackPublished);
        for visibility in [Visibility::Private, Visibility::Public] {
            let released = std::slice::from_ref(&announced);
            store.update_track(id(track), None, &to(visibility), released, &[]).await.unwrap();
        }
        let stored = store.lease(10, samples::moment(), LEASE).await.unwrap();
        assert_eq!(stored.contains(&announced), news, "{track:x}");
    }
    assert_eq!(store.track(id(PRIVATE)).await.unwrap().unwrap().status, TrackStatus::Ready);
    // Its words follow it.
    for sort in SORTS {
        assert_eq!(found(store, searched("bleu nuit", sort)).await, [id(PRIVATE)], "{sort:?}");
    }
}
