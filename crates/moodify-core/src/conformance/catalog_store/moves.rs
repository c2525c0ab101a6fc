use std::collections::BTreeSet;

use futures::future::join_all;

use super::CatalogStoreFixture;
use crate::conformance::samples;
use crate::model::{EntryId, Playlist};
use crate::port::{CatalogError, EntryPosition};

/// A moved entry stands at the index it was told, counted without it, or at the end; the others keep
/// their order.
pub async fn entries_are_moved_where_told(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (playlist, mut expected) = fixture.playlist_of(&[&track; 6]).await;
    for (from, to) in [(0, 0), (0, 1), (0, 5), (5, 0), (2, 3), (3, 2), (1, 4), (4, 1), (3, 6), (0, u32::MAX)]
    {
        let entry = expected.remove(from);
        expected.insert((to as usize).min(expected.len()), entry);
        fixture.store.move_entry(playlist.id, None, entry, to, samples::moment()).await.unwrap();
        assert_eq!(fixture.entry_ids(playlist.id).await, expected, "from {from} to {to}");
    }
    let (alone, entries) = fixture.playlist_of(&[&track]).await;
    for to in [0, 1] {
        fixture.store.move_entry(alone.id, None, entries[0], to, samples::moment()).await.unwrap();
        assert_eq!(fixture.entry_ids(alone.id).await, entries);
    }
}

/// The answer is the playlist as it is stored now: with a new version, edited just now.
pub async fn moving_returns_the_changed_playlist(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let [one, two] = fixture.tracks(&artist).await;
    let (playlist, entries) = fixture.playlist_of(&[&one, &two]).await;
    let before = fixture.entries(playlist.id).await;
    let now = samples::moment();
    let changed =
        fixture.store.move_entry(playlist.id, Some(playlist.version), entries[1], 0, now).await.unwrap();
    assert!(changed.version > playlist.version);
    let expected = Playlist { updated_at: now, version: changed.version, ..playlist };
    assert_eq!(changed, expected);
    assert_eq!(fixture.stored_playlist(expected.id).await, expected);
    assert_eq!(fixture.entries(expected.id).await, [before[1].clone(), before[0].clone()]);
}

/// An unknown playlist, an unknown entry, one of another playlist, or a stale version: nothing
/// changes.
pub async fn refused_moves_change_nothing(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (playlist, entries) = fixture.playlist_of(&[&track, &track]).await;
    let (other, others) = fixture.playlist_of(&[&track, &track]).await;
    let store = &fixture.store;
    let now = samples::moment();
    let refused = store.move_entry(samples::id(), None, entries[0], 1, now).await;
    assert!(matches!(refused, Err(CatalogError::NotFound { what: "playlist" })), "{refused:?}");
    for entry in [samples::id(), others[0]] {
        let refused = store.move_entry(playlist.id, None, entry, 1, now).await;
        assert!(matches!(refused, Err(CatalogError::NotFound { what: "entry" })), "{refused:?}");
    }
    let refused = store.move_entry(playlist.id, Some(playlist.version + 1), entries[0], 1, now).await;
    let Err(CatalogError::StaleVersion { current }) = refused else { panic!("{refused:?}") };
    assert_eq!(current, playlist.version);
    for (playlist, entries) in [(playlist, entries), (other, others)] {
        assert_eq!(fixture.entry_ids(playlist.id).await, entries);
        assert_eq!(fixture.stored_playlist(playlist.id).await, playlist);
    }
}

/// While some move, others add and remove: whatever the order is in the end, everybody sees the same,
/// and no entry is lost or doubled.
pub async fn concurrent_moves_lose_no_entry(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (playlist, entries) = fixture.playlist_of(&[&track; 8]).await;
    let gone = entries[7];
    let moves = (0..24_u32).map(|n| {
        let (store, id, entry) = (fixture.store.clone(), playlist.id, entries[n as usize % 7]);
        let now = samples::moment();
        tokio::spawn(async move { store.move_entry(id, None, entry, n * 5 % 9, now).await.unwrap().version })
    });
    let moves = join_all(moves.collect::<Vec<_>>());
    let added = samples::entries([&track, &track]);
    let adding =
        fixture.store.add_entries(playlist.id, None, &added, EntryPosition::At(3), samples::moment());
    let removing = fixture.store.remove_entry(playlist.id, None, gone, samples::moment());
    let (moved, added_answer, removed_answer) = tokio::join!(moves, adding, removing);
    let mut versions: BTreeSet<u64> = moved.into_iter().map(Result::unwrap).collect();
    versions.extend([added_answer.unwrap().version, removed_answer.unwrap().version]);
    assert_eq!(versions.len(), 26, "two edits got one version");

    let mut expected: BTreeSet<EntryId> = entries[..7].iter().copied().collect();
    expected.extend(added.iter().map(|entry| entry.id));
    let found = fixture.entry_ids(playlist.id).await;
    assert_eq!(found.len(), expected.len());
    assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), expected);
    assert_eq!(fixture.entry_ids(playlist.id).await, found);
    assert_eq!(fixture.stored_playlist(playlist.id).await.entry_count, 9);
}

/// However deep entries are put between others, there is room for the next one; a place that was read
/// before is still right, or known to be lost.
pub async fn a_crowded_place_is_made_roomy(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (playlist, mut expected) = fixture.playlist_of(&[&track; 8]).await;
    let first = fixture.entries_page(playlist.id, 3, None).await.unwrap();
    // Each time into the middle of what was added last.
    for round in 1..=220_u32 {
        let new = samples::entries([&track; 15]);
        let at = round * 8 - 4;
        let position = EntryPosition::At(at);
        fixture.store.add_entries(playlist.id, None, &new, position, samples::moment()).await.unwrap();
        expected.splice(at as usize..at as usize, new.iter().map(|entry| entry.id));
    }
    assert_eq!(fixture.entry_ids(playlist.id).await, expected);
    match fixture.entries_page(playlist.id, 3, first.next.as_ref()).await {
        Ok(page) => assert_eq!(page.items.iter().map(|entry| entry.id).collect::<Vec<_>>(), expected[3..6]),
        Err(lost) => assert!(matches!(lost, CatalogError::PlaceLost), "{lost:?}"),
    }
}
