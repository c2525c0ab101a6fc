use futures::future::join_all;

use super::CatalogStoreFixture;
use crate::conformance::samples;
use crate::model::{Description, PageSize, Playlist, PlaylistChange, Title, Visibility};
use crate::port::CatalogError;

/// What a change does to a playlist.
type Apply = fn(&mut Playlist, PlaylistChange);

/// What is changed is changed, what is not stays; every change gives a new version and is dated.
pub async fn edited_playlist_is_found_as_edited(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (mut expected, entries) = fixture.playlist_of(&[&track]).await;
    let (other, _) = fixture.playlist_of(&[]).await;
    let title = Some(Title::parse(&"\u{1F3B5}".repeat(Title::MAX_CHARS)).unwrap());
    let none = PlaylistChange::default();
    let changes: [(PlaylistChange, Apply); 4] = [
        (PlaylistChange { title, ..none.clone() }, |playlist, change| playlist.title = change.title.unwrap()),
        (
            PlaylistChange { description: Some(Description::parse("").unwrap()), ..none.clone() },
            |playlist, change| playlist.description = change.description.unwrap(),
        ),
        (PlaylistChange { visibility: Some(Visibility::Unlisted), ..none.clone() }, |playlist, _| {
            playlist.visibility = Visibility::Unlisted;
        }),
        (none, |_, _| ()),
    ];
    for (change, apply) in changes {
        let now = samples::moment();
        let version = Some(expected.version);
        let changed = fixture.store.update_playlist(expected.id, version, &change, now).await.unwrap();
        assert!(changed.version > expected.version);
        apply(&mut expected, change);
        (expected.version, expected.updated_at) = (changed.version, now);
        assert_eq!(changed, expected);
        assert_eq!(fixture.stored_playlist(expected.id).await, expected);
    }
    assert_eq!(fixture.entry_ids(expected.id).await, entries);
    assert_eq!(fixture.stored_playlist(other.id).await, other);
}

/// A deleted playlist is gone with its entries, and its owner's list knows it no more; others and the
/// tracks stay.
pub async fn deleted_playlist_is_gone(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (gone, entries) = fixture.playlist_of(&[&track, &track]).await;
    let (other, others) = fixture.playlist_of(&[&track]).await;
    fixture.store.delete_playlist(gone.id, Some(gone.version)).await.unwrap();
    assert_eq!(fixture.store.playlist(gone.id).await.unwrap(), None);
    assert_eq!(fixture.entries(gone.id).await, []);
    let listed = fixture.store.list_playlists(gone.owner_id, PageSize::default(), None).await.unwrap();
    assert_eq!(listed.items, []);
    let removed = fixture.store.remove_entry(gone.id, None, entries[0], samples::moment()).await;
    assert!(matches!(removed, Err(CatalogError::NotFound { what: "playlist" })), "{removed:?}");
    assert_eq!(fixture.stored_playlist(other.id).await, other);
    assert_eq!(fixture.entry_ids(other.id).await, others);
    assert_eq!(fixture.store.track(track.id).await.unwrap(), Some(track));
}

/// An unknown playlist or a stale version: nothing changes.
pub async fn refused_edits_of_playlists_change_nothing(fixture: &CatalogStoreFixture) {
    let (playlist, _) = fixture.playlist_of(&[]).await;
    let change = PlaylistChange { visibility: Some(Visibility::Public), ..PlaylistChange::default() };
    let (store, stale, now) = (&fixture.store, Some(playlist.version + 1), samples::moment());
    for (updated, deleted) in [
        (
            store.update_playlist(samples::id(), None, &change, now).await,
            store.delete_playlist(samples::id(), None).await,
        ),
        (
            store.update_playlist(playlist.id, stale, &change, now).await,
            store.delete_playlist(playlist.id, stale).await,
        ),
    ] {
        for refused in [updated.map(drop), deleted] {
            match refused {
                Err(CatalogError::NotFound { what: "playlist" }) => (),
                Err(CatalogError::StaleVersion { current }) => assert_eq!(current, playlist.version),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(fixture.stored_playlist(playlist.id).await, playlist);
}

/// Of concurrent deletions of one playlist exactly one succeeds.
pub async fn concurrent_deletions_of_a_playlist_let_one_win(fixture: &CatalogStoreFixture) {
    let (playlist, _) = fixture.playlist_of(&[]).await;
    let calls = (0..20).map(|_| {
        let (store, id) = (fixture.store.clone(), playlist.id);
        tokio::spawn(async move { store.delete_playlist(id, None).await })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.into_iter().filter_map(Result::err) {
        assert!(matches!(refused, CatalogError::NotFound { what: "playlist" }), "{refused:?}");
    }
}
