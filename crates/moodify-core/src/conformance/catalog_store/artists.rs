use futures::future::join_all;
use jiff::Timestamp;

use super::CatalogStoreFixture;
use crate::conformance::samples;
use crate::model::{Artist, ArtistName};

/// An artist is found by id, every character and microsecond of it.
pub async fn stored_artist_is_found(fixture: &CatalogStoreFixture) {
    let mut artist = samples::artist();
    artist.name = ArtistName::parse(&"\u{1F3B5}".repeat(ArtistName::MAX_CHARS)).unwrap();
    fixture.store.upsert_artist(&artist).await.unwrap();
    assert_eq!(fixture.store.artist(artist.id).await.unwrap(), Some(artist));
}

/// An artist that never was is `None`.
pub async fn unknown_artist_is_none(fixture: &CatalogStoreFixture) {
    fixture.artist().await;
    assert_eq!(fixture.store.artist(samples::id()).await.unwrap(), None);
}

/// A second upsert changes the name and since when it is that; account and age stay.
pub async fn upsert_renames_and_changes_nothing_else(fixture: &CatalogStoreFixture) {
    let first = fixture.artist().await;
    let second = Artist { id: first.id, ..samples::artist() };
    fixture.store.upsert_artist(&second).await.unwrap();
    let expected = Artist { name: second.name, named_at: second.named_at, ..first };
    assert_eq!(fixture.store.artist(expected.id).await.unwrap(), Some(expected));
}

/// A name from before the present one, or from the same moment, is not taken; nor is one from between
/// it and an upsert that said it again.
pub async fn an_older_name_is_not_taken(fixture: &CatalogStoreFixture) {
    let first = samples::artist();
    let second = samples::renamed(&first, "Second");
    fixture.store.upsert_artist(&second).await.unwrap();
    let third = samples::renamed(&first, "Third");
    let again = Artist { named_at: samples::moment(), ..second.clone() };
    let at_once = Artist { named_at: second.named_at, ..third.clone() };
    for (said, expected) in [
        (&first, &second),
        (&Artist { named_at: Timestamp::UNIX_EPOCH, ..first.clone() }, &second),
        (&at_once, &second),
        (&again, &again),
        (&third, &again),
    ] {
        fixture.store.upsert_artist(said).await.unwrap();
        assert_eq!(fixture.store.artist(first.id).await.unwrap().as_ref(), Some(expected), "{said:?}");
    }
    let track = fixture.track(&second).await;
    assert_eq!(fixture.store.track(track.id).await.unwrap().unwrap().artist_name, second.name);
}

/// Of names that come at the same time, in any order, the latest stays.
pub async fn of_concurrent_names_the_latest_stays(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let names: Vec<Artist> = (0..20).map(|n| samples::renamed(&artist, &format!("Name {n}"))).collect();
    let calls = names.iter().rev().cloned().map(|named| {
        let store = fixture.store.clone();
        tokio::spawn(async move { store.upsert_artist(&named).await.unwrap() })
    });
    join_all(calls.collect::<Vec<_>>()).await.into_iter().for_each(Result::unwrap);
    assert_eq!(fixture.store.artist(artist.id).await.unwrap().as_ref(), names.last());
}

/// Concurrent first requests of one artist all succeed and make one profile.
pub async fn concurrent_upserts_make_one_artist(fixture: &CatalogStoreFixture) {
    let artist = samples::artist();
    let calls = (0..30).map(|_| {
        let (store, artist) = (fixture.store.clone(), artist.clone());
        tokio::spawn(async move { store.upsert_artist(&artist).await.unwrap() })
    });
    join_all(calls).await.into_iter().for_each(Result::unwrap);
    assert_eq!(fixture.store.artist(artist.id).await.unwrap(), Some(artist));
}
