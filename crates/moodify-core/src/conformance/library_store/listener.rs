use std::collections::HashSet;

use super::{LibraryStoreFixture, size};
use crate::conformance::samples;
use crate::model::{AccountId, Page, PageSize, Track, TrackFilter, TrackId, TrackSort, Visibility};
use crate::port::{ListenerCatalog, TrackPosition};

/// A store that can be asked at once gives the answers that it gives to each question by itself: in every order,
/// page by page, also for artists, who see more, and whatever others like. Those that cannot say so.
pub async fn what_a_listener_sees_is_what_the_stores_tell(fixture: &LibraryStoreFixture) {
    let Some(known) = fixture.catalog.for_listener() else { return };
    let (ada, bob): (AccountId, AccountId) = (samples::id(), samples::id());
    let artist = fixture.artist().await;
    let mut tracks = Vec::new();
    for number in 0..7 {
        let visibility = if number == 3 { Visibility::Private } else { Visibility::Public };
        let track = Track { visibility, ..samples::track(&artist) };
        fixture.catalog.create_track(&track).await.unwrap();
        tracks.push(track);
    }
    for (listener, number) in [(ada, 0), (ada, 3), (ada, 6), (bob, 1), (bob, 6)] {
        assert!(fixture.store.like(listener, tracks[number].id, samples::moment()).await.unwrap());
    }
    for sort in [TrackSort::Newest, TrackSort::Popular, TrackSort::Title] {
        for viewer in [None, Some(artist.id)] {
            for artist_id in [None, Some(artist.id)] {
                let filter = TrackFilter { sort, viewer, artist_id, ..TrackFilter::default() };
                let seen = in_pages(fixture, known, ada, &filter).await;
                assert_eq!(seen.len(), if viewer.is_some() { 7 } else { 6 }, "{filter:?}");
            }
        }
    }
    let nothing = TrackFilter { words: vec![samples::word()], ..TrackFilter::default() };
    assert!(in_pages(fixture, known, ada, &nothing).await.is_empty());
    playlists(fixture, known, ada, &tracks).await;
}

/// All tracks that the listener sees, each page compared with what both stores tell.
async fn in_pages(
    fixture: &LibraryStoreFixture,
    known: &dyn ListenerCatalog,
    listener: AccountId,
    filter: &TrackFilter,
) -> Vec<Track> {
    let (mut seen, mut after): (Vec<Track>, Option<TrackPosition>) = (Vec::new(), None);
    loop {
        let (page, liked) = known.list_tracks_for(listener, filter, size(3), after.as_ref()).await.unwrap();
        assert_eq!(page, fixture.catalog.list_tracks(filter, size(3), after.as_ref()).await.unwrap());
        assert_liked(fixture, listener, &page.items, &liked).await;
        seen.extend(page.items);
        after = page.next;
        if after.is_none() {
            return seen;
        }
    }
}

/// Of these tracks, those are named that the listener likes, and no other ones.
async fn assert_liked(
    fixture: &LibraryStoreFixture,
    listener: AccountId,
    tracks: &[Track],
    liked: &HashSet<TrackId>,
) {
    let ids: Vec<TrackId> = tracks.iter().map(|track| track.id).collect();
    let named: HashSet<TrackId> = ids.iter().copied().filter(|id| liked.contains(id)).collect();
    assert_eq!(named, fixture.store.liked_among(listener, &ids).await.unwrap());
}

/// Of any length, with a track that stands in it twice, and with one that goes.
async fn playlists(
    fixture: &LibraryStoreFixture,
    known: &dyn ListenerCatalog,
    listener: AccountId,
    tracks: &[Track],
) {
    let catalog = &fixture.catalog;
    let (empty, full) = (samples::playlist(listener), samples::playlist(listener));
    catalog.create_playlist(&empty, &[]).await.unwrap();
    catalog.create_playlist(&full, &samples::entries(tracks.iter().chain(&tracks[..1]))).await.unwrap();
    for round in 0..2 {
        for (id, sizes) in [(empty.id, [1, 100]), (full.id, [3, 100])] {
            for wanted in sizes {
                let seen = known.playlist_for(listener, id, size(wanted)).await.unwrap().unwrap();
                assert_eq!(Some(seen.playlist), catalog.playlist(id).await.unwrap(), "in round {round}");
                let entries: Page<_, _> = catalog.playlist_entries(id, size(wanted), None).await.unwrap();
                assert_eq!(seen.entries, entries, "in round {round}");
                let shown: Vec<Track> = entries.items.into_iter().map(|entry| entry.track).collect();
                assert_liked(fixture, listener, &shown, &seen.liked).await;
            }
        }
        catalog.delete_track(tracks[0].id, None, &[]).await.unwrap();
    }
    assert_eq!(known.playlist_for(listener, samples::id(), PageSize::MAX).await.unwrap(), None);
}
