//! Searches in a catalogue that is larger than what a search looks at: what is older than the texts of
//! words is found as well as what is new, changed or renamed.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::path::Path;

use moodify_adapters::sql::{SqlStore, SqliteConfig};
use moodify_core::conformance::samples;
use moodify_core::model::search::query_words;
use moodify_core::model::{
    Artist, ArtistName, Genre, PageSize, Title, Track, TrackChange, TrackFilter, TrackSort,
};
use moodify_core::port::CatalogStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};

/// 40,000 tracks of one artist: every second one is `even`, else `odd`; every third one `three`. One in a
/// thousand is of another genre.
const OLD: &str = "
    INSERT INTO artists (id, account_id, name, created_at) VALUES (zeroblob(16), zeroblob(16), 'Nina', 1);
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 40000)
    INSERT INTO tracks (id, artist_id, title, title_folded, genre, genre_folded, duration_ms, size_bytes, visibility,
                        status, audio, play_count, created_at, version, words)
        SELECT unhex(printf('%032x', n)), zeroblob(16), title, title, genre, lower(genre), 1, 1, 'public', 'ready',
               unhex(printf('%032x', n)), n % 997, 1, 1, ' nina ' || title
        FROM (SELECT n, CASE WHEN n % 2 = 0 THEN 'even' ELSE 'odd' END || CASE WHEN n % 3 = 0 THEN ' three' ELSE '' END
                     AS title, CASE WHEN n % 1000 = 0 THEN 'Jazz' ELSE 'Pop' END AS genre FROM numbers);
    INSERT INTO track_words (track_id, word, of_artist, listed, play_count)
        SELECT id, 'nina', 1, listed, play_count FROM tracks
        UNION ALL SELECT id, 'three', 0, listed, play_count FROM tracks WHERE words LIKE '% three%'
        UNION ALL SELECT id, 'even', 0, listed, play_count FROM tracks WHERE words LIKE '% even%'
        UNION ALL SELECT id, 'odd', 0, listed, play_count FROM tracks WHERE words LIKE '% odd%';";

async fn upgraded(path: &Path) -> SqlStore {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut old = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::migrate!("migrations/sqlite").run_to(9, &mut old).await.unwrap();
    old.execute(OLD).await.unwrap();
    old.close().await.unwrap();
    SqlStore::connect(&SqliteConfig::new(path).into()).await.unwrap()
}

/// How many tracks a search finds, and the first page of them.
async fn found(store: &SqlStore, query: &str, genre: Option<&str>, sort: TrackSort) -> (usize, Vec<Track>) {
    let genre = genre.map(|genre| Genre::parse(genre).unwrap());
    let filter = TrackFilter { words: query_words(query), genre, sort, ..TrackFilter::default() };
    let (size, mut count, mut first, mut after) = (PageSize::new(100).unwrap(), 0, Vec::new(), None);
    loop {
        let page = store.list_tracks(&filter, size, after.as_ref()).await.unwrap();
        count += page.items.len();
        if first.is_empty() {
            first = page.items;
        }
        after = page.next;
        if after.is_none() || count > 1000 {
            return (count, first);
        }
    }
}

#[tokio::test]
async fn what_is_old_new_changed_and_renamed_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = upgraded(&folder.path().join("moodify.db")).await;
    for sort in [TrackSort::Newest, TrackSort::Popular, TrackSort::Title] {
        assert_eq!(found(&store, "odd even", None, sort).await.0, 0);
        assert_eq!(found(&store, "od nin", Some("jazz"), sort).await.0, 0);
        assert_eq!(found(&store, "even", Some("jazz"), sort).await.0, 40);
        assert_eq!(found(&store, "thr eve", Some("JAZZ"), sort).await.0, 13);
        let (count, first) = found(&store, "three odd", None, sort).await;
        assert!(count > 1000 && first.iter().all(|track| track.title.as_str() == "odd three"));
    }

    let artist = samples::artist();
    store.upsert_artist(&artist).await.unwrap();
    let title = |title: &str| Title::parse(title).unwrap();
    let genre = |genre: &str| Some(Genre::parse(genre).unwrap());
    let both = Track { title: title("Even, odd"), genre: genre("Jazz"), ..samples::track(&artist) };
    store.create_track(&both).await.unwrap();
    let newest = TrackSort::Newest;
    assert_eq!(found(&store, "odd even", None, newest).await.1, std::slice::from_ref(&both));
    assert_eq!(found(&store, "odd", Some("jazz"), newest).await.1, std::slice::from_ref(&both));

    let retitle = TrackChange { title: Some(title("Even three")), ..TrackChange::default() };
    let changed = store.update_track(both.id, None, &retitle, &[], &[]).await.unwrap();
    assert_eq!(found(&store, "odd even", None, newest).await.0, 0);
    assert_eq!(found(&store, "three even", Some("jazz"), newest).await.1[0], changed);
    let change = TrackChange { genre: Some(genre("Folk")), ..TrackChange::default() };
    let changed = store.update_track(both.id, None, &change, &[], &[]).await.unwrap();
    assert_eq!(found(&store, "three even", Some("jazz"), newest).await.0, 13);
    assert_eq!(found(&store, "three even", Some("folk"), newest).await.1, [changed]);

    let name = ArtistName::parse("Odd Nina").unwrap();
    let renamed = Artist { name, named_at: samples::moment(), ..artist };
    store.upsert_artist(&renamed).await.unwrap();
    let of_new_name = found(&store, "odd even", None, newest).await.1;
    assert_eq!(of_new_name.iter().map(|track| track.id).collect::<Vec<_>>(), [both.id]);
    store.delete_track(both.id, None, &[]).await.unwrap();
    assert_eq!(found(&store, "odd even", None, newest).await.0, 0);
}
