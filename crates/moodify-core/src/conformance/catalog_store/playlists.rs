use super::CatalogStoreFixture;
use crate::conformance::samples;
use crate::model::{Description, PageSize, Playlist, PlaylistEntry, PlaylistId, Title, Visibility};
use crate::port::CatalogError;

/// A playlist is found with every field, and its entries in their order, each with its track; one
/// track may stand in it twice, whatever its state.
pub async fn stored_playlist_is_found(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let [one, two] = fixture.tracks(&artist).await;
    let private = fixture.track_with(&artist, |track| track.visibility = Visibility::Private).await;
    let entries = samples::entries([&two, &one, &private, &two]);
    let mut playlist = samples::playlist(samples::id());
    playlist.title = Title::parse(&"\u{1F3B5}".repeat(Title::MAX_CHARS)).unwrap();
    playlist.description = Description::parse(&"\u{5E9}".repeat(Description::MAX_CHARS)).unwrap();
    playlist.visibility = Visibility::Unlisted;
    playlist.entry_count = 4;
    fixture.store.create_playlist(&playlist, &entries).await.unwrap();

    assert_eq!(fixture.stored_playlist(playlist.id).await, playlist);
    let expected: Vec<_> = entries
        .iter()
        .zip([&two, &one, &private, &two])
        .map(|(entry, track)| PlaylistEntry { id: entry.id, track: track.clone(), added_at: entry.added_at })
        .collect();
    assert_eq!(fixture.entries(playlist.id).await, expected);
}

/// A playlist that never was is `None` and has no entries; neither has an empty one.
pub async fn unknown_playlist_is_none_and_has_no_entries(fixture: &CatalogStoreFixture) {
    let (empty, _) = fixture.playlist_of(&[]).await;
    assert_eq!(fixture.stored_playlist(empty.id).await, empty);
    assert_eq!(fixture.entries(empty.id).await, []);
    let unknown: PlaylistId = samples::id();
    assert_eq!(fixture.store.playlist(unknown).await.unwrap(), None);
    assert_eq!(fixture.entries(unknown).await, []);
}

/// One unknown track is enough to store nothing of a playlist.
pub async fn playlist_of_unknown_tracks_is_not_stored(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let known = fixture.track(&artist).await;
    let entries = samples::entries([&known, &samples::track(&artist)]);
    let mut playlist = samples::playlist(samples::id());
    playlist.entry_count = 2;
    let refused = fixture.store.create_playlist(&playlist, &entries).await;
    assert!(matches!(refused, Err(CatalogError::NotFound { what: "track" })), "{refused:?}");
    assert_eq!(fixture.store.playlist(playlist.id).await.unwrap(), None);
    assert_eq!(fixture.entries(playlist.id).await, []);
}

/// Each account has its own list, whatever the visibility, the newest first.
pub async fn playlists_are_listed_newest_first_by_owner(fixture: &CatalogStoreFixture) {
    let (owner, other) = (samples::id(), samples::id());
    let mut expected = Vec::new();
    for visibility in [Visibility::Public, Visibility::Unlisted, Visibility::Private] {
        let mine = Playlist { visibility, ..samples::playlist(owner) };
        fixture.store.create_playlist(&mine, &[]).await.unwrap();
        fixture.store.create_playlist(&samples::playlist(other), &[]).await.unwrap();
        expected.insert(0, mine);
    }
    let page = fixture.store.list_playlists(owner, PageSize::default(), None).await.unwrap();
    assert_eq!(page.items, expected);
    assert!(page.next.is_none());
    let page = fixture.store.list_playlists(samples::id(), PageSize::default(), None).await.unwrap();
    assert!(page.items.is_empty() && page.next.is_none());
}

/// Playlists made between two pages move none of the older ones; a full last page is the last.
pub async fn playlist_pages_survive_inserts(fixture: &CatalogStoreFixture) {
    let owner = samples::id();
    let mut expected = Vec::new();
    for _ in 0..9 {
        let playlist = samples::playlist(owner);
        fixture.store.create_playlist(&playlist, &[]).await.unwrap();
        expected.insert(0, playlist);
    }
    let size = PageSize::new(3).unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    for page in 1..=3 {
        let answer = fixture.store.list_playlists(owner, size, after.as_ref()).await.unwrap();
        found.extend(answer.items);
        after = answer.next;
        assert_eq!(after.is_some(), page < 3);
        fixture.store.create_playlist(&samples::playlist(owner), &[]).await.unwrap();
    }
    assert_eq!(found, expected);
}
