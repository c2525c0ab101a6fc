//! That queries walk the indexes that are meant for them.

use mongodb::bson::doc;
use moodify_core::conformance::samples;
use moodify_core::model::{Genre, PageSize, TrackFilter, TrackSort};

use super::catalog_store::list;
use super::row::Key;
use super::step::Find;
use super::{MongoConfig, MongoStore};

#[path = "../../tests/mongodb/server.rs"]
pub(super) mod server;

/// The index that the server walks for this query; nothing if it looks at all documents.
async fn index_of(store: &MongoStore, query: &Find) -> Option<String> {
    let find = doc! {
        "find": query.collection, "filter": query.filter.clone(), "sort": query.sort.clone(), "limit": query.limit,
    };
    let explain = doc! { "explain": find, "verbosity": "queryPlanner" };
    let plan = store.database.inner.run_command(explain).await.unwrap();
    let mut stage =
        plan.get_document("queryPlanner").and_then(|plan| plan.get_document("winningPlan")).unwrap();
    loop {
        if let Ok(index) = stage.get_str("indexName") {
            return Some(index.to_owned());
        }
        stage = stage.get_document("inputStage").ok()?;
    }
}

#[tokio::test]
async fn lists_and_searches_walk_indexes() {
    let Some(server) = server::shared(0) else { return };
    let url = server::url_of(server, &format!("moodify_plans_{}", std::process::id()));
    let store = MongoStore::connect(&MongoConfig::new(url)).await.unwrap();
    let all = TrackFilter::default();
    let by = |sort| TrackFilter { sort, ..TrackFilter::default() };
    let word = || vec!["word".to_owned()];
    let size = PageSize::default();
    // Of indexes that begin alike the stand-in takes any; mongod takes the one that is in the wanted order.
    let listed = &["newest", "popular", "by_title"][..];
    let of_genre = &["of_genre", "popular_of_genre"][..];
    let (of_artist, with_word) = (&["of_artist"][..], &["tracks_with_word"][..]);
    for (filter, indexes) in [
        (by(TrackSort::Newest), vec![listed]),
        (by(TrackSort::Popular), vec![listed]),
        (by(TrackSort::Title), vec![listed]),
        (TrackFilter { artist_id: Some(samples::id()), ..all.clone() }, vec![of_artist]),
        (TrackFilter { viewer: Some(samples::id()), ..all.clone() }, vec![listed, of_artist]),
        (TrackFilter { genre: Genre::parse("Jazz").ok(), ..all.clone() }, vec![of_genre]),
        (TrackFilter { words: word(), ..by(TrackSort::Popular) }, vec![with_word]),
        (TrackFilter { words: word(), ..by(TrackSort::Newest) }, vec![with_word]),
    ] {
        let queries = list::queries(&filter, size, None);
        assert_eq!(queries.len(), indexes.len(), "{filter:?}");
        for (query, indexes) in queries.iter().zip(indexes) {
            let found = index_of(&store, query).await;
            let meant = found.as_deref().is_some_and(|found| indexes.contains(&found));
            assert!(meant, "{filter:?}: {found:?} for {}", query.filter);
        }
    }
    let account = || samples::id::<moodify_core::model::AccountId>().key();
    for (collection, filter, index) in [
        ("accounts", doc! { "email": "nina@example.org" }, "by_email"),
        ("sessions", doc! { "account_id": account() }, "of_account"),
        ("sessions", doc! { "ends_at": { "$lte": 1_i64 } }, "by_end"),
        ("mail_tokens", doc! { "expires_at": { "$lte": 1_i64 } }, "by_end"),
        ("identities", doc! { "issuer": "https://issuer.example", "subject": "1" }, "of_subject"),
        ("identities", doc! { "account_id": account() }, "of_account"),
        ("playlist_entries", doc! { "playlist_id": account(), "rank": { "$gt": "8" } }, "in_order"),
        ("playlist_entries", doc! { "track_id": account() }, "of_track"),
        ("library_changes", doc! { "account_id": account(), "place": { "$gt": 7_i64 } }, "in_order"),
        ("likes", doc! { "account_id": account(), "track_id": { "$in": [account()] } }, "of_account"),
        ("likes", doc! { "track_id": account() }, "of_track"),
        ("follows", doc! { "artist_id": account() }, "of_artist"),
        ("deliveries", doc! { "consumer": "music", "state": "open", "due_at": { "$lt": 7_i64 } }, "due"),
        ("deliveries", doc! { "event_id": account(), "consumer": "music" }, "of_event"),
        ("deliveries", doc! { "state": "done", "published_at": { "$lt": 7_i64 } }, "by_age"),
        ("uploads", doc! { "due_at": { "$lte": 7_i64 } }, "due"),
        ("uploads", doc! { "account_id": account() }, "of_account"),
        ("send_log", doc! { "aged_at": { "$lt": 7_i64 } }, "by_age"),
        ("recipient_follows", doc! { "artist_id": account(), "account_id": account() }, "of_artist"),
    ] {
        let found = index_of(&store, &Find::new(collection, filter.clone())).await;
        assert_eq!(found.as_deref(), Some(index), "{collection} {filter}");
    }
    store.database.inner.drop().await.unwrap();
}
