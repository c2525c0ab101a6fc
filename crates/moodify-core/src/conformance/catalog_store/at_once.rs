//! What must hold when several processes change the same things at the same time.

use futures::future::join_all;

use super::{CatalogStoreFixture, ids};
use crate::conformance::samples;
use crate::model::search::query_words;
use crate::model::{Artist, TrackFilter, TrackId};
use crate::port::{CatalogError, EntryPosition};

/// While tracks are deleted, playlists that have them take more of them and lose others: every call
/// ends in one of the ways its contract names, and every count is right.
pub async fn changes_at_once_keep_every_count(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let tracks: [_; 6] = fixture.tracks(&artist).await;
    let mut calls = Vec::new();
    let mut playlists = Vec::new();
    for turn in 0..3 {
        let (playlist, entries) = fixture.playlist_of(&tracks.each_ref()).await;
        for (n, entry) in entries.into_iter().enumerate() {
            let (store, id, now) = (fixture.store.clone(), playlist.id, samples::moment());
            let mut some = [&tracks[n], &tracks[(n + 1 + turn) % 6], &tracks[5 - n]];
            some.rotate_left(turn);
            let new = samples::entries(some);
            calls.push(tokio::spawn(async move {
                let added = store.add_entries(id, None, &new, EntryPosition::At(1), now).await;
                [added, store.remove_entry(id, None, entry, now).await]
            }));
        }
        playlists.push(playlist.id);
    }
    let deletions = tracks[..4].iter().map(|track| {
        let (store, id) = (fixture.store.clone(), track.id);
        tokio::spawn(async move { store.delete_track(id, None, &[]).await.unwrap().unwrap() })
    });
    for deletion in join_all(deletions.collect::<Vec<_>>()).await {
        deletion.unwrap();
    }
    for answer in join_all(calls).await.into_iter().flat_map(Result::unwrap) {
        assert!(matches!(answer, Ok(_) | Err(CatalogError::NotFound { .. })), "{answer:?}");
    }
    for id in playlists {
        let entries = fixture.entries(id).await;
        assert_eq!(fixture.stored_playlist(id).await.entry_count as usize, entries.len());
        assert!(entries.iter().all(|entry| tracks[4..].iter().any(|track| track.id == entry.track.id)));
    }
}

/// An artist who is renamed while tracks come and go is found by the new name with every track, and
/// by the old one with none.
pub async fn a_rename_reaches_tracks_that_come_at_the_same_time(fixture: &CatalogStoreFixture) {
    let before = samples::renamed(&samples::artist(), &samples::word());
    fixture.store.upsert_artist(&before).await.unwrap();
    let old: [_; 5] = fixture.tracks(&before).await;
    let uploads = (0..10).map(|_| {
        let (store, track) = (fixture.store.clone(), samples::track(&before));
        tokio::spawn(async move { store.create_track(&track).await.map(|()| track).unwrap() })
    });
    let uploads: Vec<_> = uploads.collect();
    let deletion = tokio::spawn({
        let (store, id) = (fixture.store.clone(), old[0].id);
        async move { store.delete_track(id, None, &[]).await.unwrap().unwrap() }
    });
    let after = samples::renamed(&before, &samples::word());
    fixture.store.upsert_artist(&after).await.unwrap();
    deletion.await.unwrap();
    let uploaded: Vec<_> = join_all(uploads).await.into_iter().map(Result::unwrap).collect();

    assert_eq!(found_by(fixture, &before).await, []);
    let mut expected = [ids(&old[1..]), ids(&uploaded)].concat();
    expected.sort_unstable();
    assert_eq!(found_by(fixture, &after).await, expected);
}

async fn found_by(fixture: &CatalogStoreFixture, artist: &Artist) -> Vec<TrackId> {
    let words = query_words(artist.name.as_str());
    let mut found = fixture.listed(&TrackFilter { words, ..TrackFilter::default() }).await;
    found.sort_unstable();
    found
}
