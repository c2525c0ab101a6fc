//! How PostgreSQL finds a page in a catalogue of 20,000 tracks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

use moodify_core::conformance::samples;
use moodify_core::model::{ArtistId, Genre, PageSize, TrackFilter, TrackSort};
use moodify_core::port::TrackPosition;
use sqlx::Executor;

use super::list_query::{ListQuery, Way};
use crate::sql::SqlStore;
use schema::Schema;

#[path = "../../../tests/postgres/schema.rs"]
mod schema;

/// 200 artists with 100 tracks each, of 40 genres; one in ten is private. Every track has a word of its
/// own, and one of 20 that 1,000 tracks have.
const TRACKS: &str = "
    INSERT INTO artists SELECT decode(md5('a' || n), 'hex'), decode(md5('u' || n), 'hex'), 'artist ' || n, n
        FROM generate_series(0, 199) AS n;
    INSERT INTO tracks (id, artist_id, title, title_folded, genre, genre_folded, duration_ms, size_bytes, visibility,
                        status, audio, play_count, created_at, version)
        SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), decode(md5('a' || n % 200), 'hex'), md5('t' || n), md5('t' || n),
               'genre' || n % 40, 'genre' || n % 40, 1000, 1000, CASE WHEN n % 10 = 0 THEN 'private' ELSE 'public' END,
               'ready', decode(md5('m' || n), 'hex'), n % 997, n, 1
        FROM generate_series(1, 20000) AS n;
    INSERT INTO track_words SELECT id, 'w' || created_at, 0, listed, play_count FROM tracks
        UNION ALL SELECT id, 'often' || created_at % 20, 0, listed, play_count FROM tracks;
    ANALYZE";

struct Catalog {
    store: SqlStore,
    artist: ArtistId,
    _schema: Schema,
}

async fn catalog() -> Option<Catalog> {
    let schema = Schema::create().await?;
    let store = schema.store().await;
    let mut raw = schema.raw().await;
    raw.execute(TRACKS).await.unwrap();
    let artist = samples::id();
    let mine = "UPDATE tracks SET artist_id = $1 WHERE artist_id = decode(md5('a7'), 'hex')";
    let make = "INSERT INTO artists VALUES ($1, $1, 'me', 1)";
    let id = |artist: ArtistId| artist.as_uuid().as_bytes().to_vec();
    raw.execute(sqlx::query(make).bind(id(artist))).await.unwrap();
    raw.execute(sqlx::query(mine).bind(id(artist))).await.unwrap();
    raw.execute("ANALYZE tracks").await.unwrap();
    Some(Catalog { store, artist, _schema: schema })
}

impl Catalog {
    /// Every combination of filters, with and without a position, in every order.
    fn cases(&self, words: &[&str]) -> Vec<(TrackFilter, Option<TrackPosition>)> {
        let mut cases = Vec::new();
        for sort in [TrackSort::Newest, TrackSort::Popular, TrackSort::Title] {
            for bits in 0..8 {
                let filter = TrackFilter {
                    words: words.iter().map(ToString::to_string).collect(),
                    artist_id: (bits & 1 != 0).then_some(self.artist),
                    genre: (bits & 2 != 0).then(|| Genre::parse("genre7").unwrap()),
                    viewer: (bits & 4 != 0).then_some(self.artist),
                    sort,
                };
                cases.push((filter.clone(), None));
                cases.push((filter, Some(self.middle(sort))));
            }
        }
        cases
    }

    /// A place in the middle of the list.
    fn middle(&self, sort: TrackSort) -> TrackPosition {
        let id = uuid::Uuid::from_u128(10_000).into();
        match sort {
            TrackSort::Newest => TrackPosition::Newest { id },
            TrackSort::Popular => TrackPosition::Popular { play_count: 500, id },
            TrackSort::Title => TrackPosition::Title { title: "8".to_owned(), id },
        }
    }

    async fn plan(&self, list: ListQuery<'_>) -> String {
        let rows = self.store.database.all(list.page(PageSize::default()).explained()).await.unwrap();
        rows.iter().map(|row| row.text("QUERY PLAN").unwrap() + "\n").collect()
    }
}

#[tokio::test]
async fn a_list_never_reads_the_whole_catalogue() {
    let Some(catalog) = catalog().await else { return };
    for (filter, after) in catalog.cases(&[]) {
        let list = ListQuery { filter: &filter, after: after.as_ref(), way: Way::Walk { until: None } };
        let plan = catalog.plan(list).await;
        assert!(!plan.contains("Seq Scan on track"), "{filter:?} {after:?}\n{plan}");
        // The hundred tracks of an artist may be sorted; those of the catalogue or of a genre may not.
        if filter.artist_id.is_none() && filter.viewer.is_none() {
            assert!(!plan.contains("Sort"), "{filter:?} {after:?}\n{plan}");
        }
    }
}

#[tokio::test]
async fn a_search_for_a_rare_word_looks_up_its_tracks_alone() {
    let Some(catalog) = catalog().await else { return };
    for (filter, after) in catalog.cases(&["often3", "w1234"]) {
        let list = ListQuery { filter: &filter, after: after.as_ref(), way: Way::LookUp { word: 1 } };
        let plan = catalog.plan(list).await;
        assert!(
            plan.contains("tracks_with_word") && !plan.contains("Seq Scan on track"),
            "{filter:?} {after:?}\n{plan}"
        );
    }
}
