use std::collections::BTreeSet;

use futures::future::join_all;

use super::CatalogStoreFixture;
use crate::conformance::samples;
use crate::model::{EntryId, Playlist, PlaylistId};
use crate::port::{CatalogError, EntryPosition};

/// Entries go before the one at the index, or at the end, in their order; indices count the
/// entries that are there now.
pub async fn entries_are_added_where_told(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (playlist, mut expected) = fixture.playlist_of(&[&track, &track]).await;
    for (position, index) in [
        (EntryPosition::End, 2),
        (EntryPosition::At(0), 0),
        (EntryPosition::At(3), 3),
        (EntryPosition::At(8), 8),
        (EntryPosition::At(1_000), 10),
        (EntryPosition::At(u32::MAX), 12),
        (EntryPosition::At(1), 1),
    ] {
        let new = samples::entries([&track, &track]);
        let now = samples::moment();
        fixture.store.add_entries(playlist.id, None, &new, position, now).await.unwrap();
        expected.splice(index..index, new.iter().map(|entry| entry.id));
        assert_eq!(fixture.entry_ids(playlist.id).await, expected, "after {position:?}");
    }
    for index in [5, 0, 3] {
        let removed = expected.remove(index);
        fixture.store.remove_entry(playlist.id, None, removed, samples::moment()).await.unwrap();
    }
    let new = samples::entries([&track]);
    let position = EntryPosition::At(4);
    fixture.store.add_entries(playlist.id, None, &new, position, samples::moment()).await.unwrap();
    expected.insert(4, new[0].id);
    assert_eq!(fixture.entry_ids(playlist.id).await, expected);
}

/// However often entries are put into one place, there is room for the next one.
pub async fn entries_squeeze_into_one_place_without_end(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (playlist, mut expected) = fixture.playlist_of(&[&track, &track]).await;
    for round in 0..120 {
        let new = samples::entries([&track]);
        let at = 1 + round % 2;
        let position = EntryPosition::At(at);
        fixture.store.add_entries(playlist.id, None, &new, position, samples::moment()).await.unwrap();
        expected.insert(at as usize, new[0].id);
    }
    assert_eq!(fixture.entry_ids(playlist.id).await, expected);
}

/// The answer is the playlist as it is stored now: counted, with a new version, edited just now.
pub async fn adding_returns_the_changed_playlist(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let [one, two] = fixture.tracks(&artist).await;
    let (playlist, _) = fixture.playlist_of(&[&one]).await;
    let new = samples::entries([&two, &one]);
    let now = samples::moment();
    let changed = fixture
        .store
        .add_entries(playlist.id, Some(playlist.version), &new, EntryPosition::End, now)
        .await
        .unwrap();
    assert!(changed.version > playlist.version);
    let expected = Playlist { entry_count: 3, updated_at: now, version: changed.version, ..playlist };
    assert_eq!(changed, expected);
    assert_eq!(fixture.stored_playlist(expected.id).await, expected);

    let entries = fixture.entries(expected.id).await;
    assert_eq!(entries[1].track, two);
    assert_eq!(entries[1].added_at, new[0].added_at);
}

async fn assert_untouched(fixture: &CatalogStoreFixture, playlist: &Playlist, entries: &[EntryId]) {
    assert_eq!(&fixture.stored_playlist(playlist.id).await, playlist);
    assert_eq!(fixture.entry_ids(playlist.id).await, entries);
}

/// An unknown playlist, or one unknown track among known ones, and nothing is stored.
pub async fn adding_what_does_not_exist_stores_nothing(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (playlist, entries) = fixture.playlist_of(&[&track]).await;
    let now = samples::moment();

    let unknown: PlaylistId = samples::id();
    let new = samples::entries([&track]);
    let refused = fixture.store.add_entries(unknown, None, &new, EntryPosition::End, now).await;
    assert!(matches!(refused, Err(CatalogError::NotFound { what: "playlist" })), "{refused:?}");
    assert_eq!(fixture.entries(unknown).await, []);

    let new = samples::entries([&track, &samples::track(&artist), &track]);
    let refused = fixture.store.add_entries(playlist.id, None, &new, EntryPosition::At(0), now).await;
    assert!(matches!(refused, Err(CatalogError::NotFound { what: "track" })), "{refused:?}");
    assert_untouched(fixture, &playlist, &entries).await;
}

/// An expected version that is not the present one is refused with the present one, and nothing is
/// stored.
pub async fn adding_to_a_stale_version_stores_nothing(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (playlist, entries) = fixture.playlist_of(&[&track]).await;
    for expected in [playlist.version - 1, playlist.version + 1] {
        let new = samples::entries([&track]);
        let now = samples::moment();
        let refused =
            fixture.store.add_entries(playlist.id, Some(expected), &new, EntryPosition::End, now).await;
        let Err(CatalogError::StaleVersion { current }) = refused else { panic!("{refused:?}") };
        assert_eq!(current, playlist.version);
        assert_untouched(fixture, &playlist, &entries).await;
    }
}

/// A playlist takes [`Playlist::MAX_ENTRIES`] and not one more.
pub async fn a_playlist_has_a_limit(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let most = Playlist::MAX_ENTRIES;
    let (playlist, mut entries) = fixture.playlist_of(&vec![&track; most - 1]).await;
    let add = async |count: usize| {
        let new = samples::entries(vec![&track; count]);
        let now = samples::moment();
        let answer = fixture.store.add_entries(playlist.id, None, &new, EntryPosition::End, now).await;
        (new, answer)
    };
    let (_, refused) = add(2).await;
    assert!(matches!(refused, Err(CatalogError::Full)), "{refused:?}");
    assert_untouched(fixture, &playlist, &entries).await;

    let (new, last) = add(1).await;
    let full = last.unwrap();
    entries.push(new[0].id);
    let (_, refused) = add(1).await;
    assert!(matches!(refused, Err(CatalogError::Full)), "{refused:?}");
    assert_untouched(fixture, &full, &entries).await;
}

/// Only the one entry goes, also when its track stands in the playlist twice; the answer is the
/// playlist as it is stored now.
pub async fn removed_entry_is_gone(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let [one, two] = fixture.tracks(&artist).await;
    let (playlist, entries) = fixture.playlist_of(&[&one, &two, &one]).await;
    let now = samples::moment();
    let changed =
        fixture.store.remove_entry(playlist.id, Some(playlist.version), entries[0], now).await.unwrap();
    assert!(changed.version > playlist.version);
    let expected = Playlist { entry_count: 2, updated_at: now, version: changed.version, ..playlist };
    assert_eq!(changed, expected);
    assert_untouched(fixture, &expected, &entries[1..]).await;
}

/// An unknown playlist, an unknown entry, or one of another playlist, and nothing changes.
pub async fn removing_what_is_not_there_changes_nothing(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (playlist, entries) = fixture.playlist_of(&[&track]).await;
    let (other, others) = fixture.playlist_of(&[&track]).await;
    let now = samples::moment();

    let refused = fixture.store.remove_entry(samples::id(), None, entries[0], now).await;
    assert!(matches!(refused, Err(CatalogError::NotFound { what: "playlist" })), "{refused:?}");
    let (empty, _) = fixture.playlist_of(&[]).await;
    for (id, entry) in [(playlist.id, samples::id()), (playlist.id, others[0]), (empty.id, entries[0])] {
        let refused = fixture.store.remove_entry(id, None, entry, now).await;
        assert!(matches!(refused, Err(CatalogError::NotFound { what: "entry" })), "{refused:?}");
    }
    assert_untouched(fixture, &playlist, &entries).await;
    assert_untouched(fixture, &other, &others).await;
}

/// An expected version that is not the present one is refused with the present one, and nothing
/// changes.
pub async fn removing_from_a_stale_version_changes_nothing(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (playlist, entries) = fixture.playlist_of(&[&track]).await;
    let stale = Some(playlist.version + 1);
    let refused = fixture.store.remove_entry(playlist.id, stale, entries[0], samples::moment()).await;
    let Err(CatalogError::StaleVersion { current }) = refused else { panic!("{refused:?}") };
    assert_eq!(current, playlist.version);
    assert_untouched(fixture, &playlist, &entries).await;
}

/// Of concurrent edits that expect the same version exactly one succeeds; the others learn the new
/// version.
pub async fn concurrent_edits_of_one_version_let_one_win(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (playlist, _) = fixture.playlist_of(&[]).await;
    let calls = (0..20).map(|_| {
        let (store, new) = (fixture.store.clone(), samples::entries([&track]));
        let (id, expected, now) = (playlist.id, Some(playlist.version), samples::moment());
        tokio::spawn(async move { store.add_entries(id, expected, &new, EntryPosition::End, now).await })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let found = fixture.stored_playlist(playlist.id).await;
    assert_eq!(found.entry_count, 1);
    let mut winners = 0;
    for answer in answers {
        match answer {
            Ok(changed) => {
                assert_eq!(changed, found);
                winners += 1;
            }
            Err(CatalogError::StaleVersion { current }) => assert_eq!(current, found.version),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(winners, 1);
    assert_eq!(fixture.entry_ids(playlist.id).await.len(), 1);
}

/// Concurrent additions that expect no version all stay, each with a version of its own.
pub async fn concurrent_additions_all_stay(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (playlist, _) = fixture.playlist_of(&[]).await;
    let calls = (0..20).map(|n| {
        let (store, new) = (fixture.store.clone(), samples::entries([&track, &track]));
        let (id, now) = (playlist.id, samples::moment());
        let position = if n % 2 == 0 { EntryPosition::At(1) } else { EntryPosition::End };
        tokio::spawn(async move {
            let changed = store.add_entries(id, None, &new, position, now).await.unwrap();
            (changed.version, new)
        })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let versions: BTreeSet<u64> = answers.iter().map(|(version, _)| *version).collect();
    assert_eq!(versions.len(), answers.len(), "two edits got one version");
    let found = fixture.stored_playlist(playlist.id).await;
    assert_eq!((found.entry_count, Some(&found.version)), (40, versions.last()));
    let added: BTreeSet<EntryId> =
        answers.iter().flat_map(|(_, new)| new.iter().map(|entry| entry.id)).collect();
    let stored = fixture.entry_ids(playlist.id).await;
    assert_eq!(stored.iter().copied().collect::<BTreeSet<_>>(), added);
    assert_eq!(stored.len(), added.len());
}

/// While a track is deleted others put it into playlists: whoever wins, every entry that is left has
/// its track, and the count is right.
pub async fn additions_during_a_deletion_leave_no_loose_entry(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let [gone, kept] = fixture.tracks(&artist).await;
    let (playlist, _) = fixture.playlist_of(&[&kept, &gone]).await;
    let additions = (0..20).map(|_| {
        let (store, new) = (fixture.store.clone(), samples::entries([&gone]));
        let (id, now) = (playlist.id, samples::moment());
        tokio::spawn(async move { store.add_entries(id, None, &new, EntryPosition::End, now).await })
    });
    let additions = join_all(additions.collect::<Vec<_>>());
    let (answers, deleted) = tokio::join!(additions, fixture.store.delete_track(gone.id, None, &[]));
    assert_eq!(deleted.unwrap().map(|track| track.id), Some(gone.id));
    for answer in answers.into_iter().map(Result::unwrap) {
        assert!(matches!(answer, Ok(_) | Err(CatalogError::NotFound { what: "track" })), "{answer:?}");
    }
    let entries = fixture.entries(playlist.id).await;
    assert_eq!(entries.iter().map(|entry| entry.track.id).collect::<Vec<_>>(), [kept.id]);
    assert_eq!(fixture.stored_playlist(playlist.id).await.entry_count, 1);
}
