use futures::future::join_all;

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

/// A second upsert changes the name; account and age stay.
pub async fn upsert_renames_and_changes_nothing_else(fixture: &CatalogStoreFixture) {
    let first = fixture.artist().await;
    let second = Artist { id: first.id, ..samples::artist() };
    fixture.store.upsert_artist(&second).await.unwrap();
    let expected = Artist { name: second.name, ..first };
    assert_eq!(fixture.store.artist(expected.id).await.unwrap(), Some(expected));
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
