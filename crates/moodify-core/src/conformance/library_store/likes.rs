use std::collections::HashSet;

use futures::future::join_all;

use super::{LibraryStoreFixture, size};
use crate::conformance::samples;
use crate::model::{AccountId, LikedTrack, TrackId, TrackStatus, Visibility};
use crate::port::LibraryError;

/// Liking twice is liking once; what was never liked is not taken back; nobody likes for others.
pub async fn a_like_stays_until_it_is_taken_back(fixture: &LibraryStoreFixture) {
    let (ada, bob): (AccountId, AccountId) = (samples::id(), samples::id());
    let artist = fixture.artist().await;
    let (one, two) = (fixture.track(&artist).await.id, fixture.track(&artist).await.id);
    let store = &fixture.store;
    assert!(!store.unlike(ada, one).await.unwrap());
    assert!(store.like(ada, one, samples::moment()).await.unwrap());
    assert!(!store.like(ada, one, samples::moment()).await.unwrap());
    assert!(store.like(bob, two, samples::moment()).await.unwrap());
    let among = |account| store.liked_among(account, &[]);
    assert!(among(ada).await.unwrap().is_empty());
    let both = [one, two, samples::id()];
    assert_eq!(store.liked_among(ada, &both).await.unwrap(), HashSet::from([one]));
    assert_eq!(store.liked_among(bob, &both).await.unwrap(), HashSet::from([two]));
    assert!(store.unlike(ada, one).await.unwrap());
    assert!(!store.unlike(ada, one).await.unwrap());
    assert!(store.liked_among(ada, &both).await.unwrap().is_empty());
    assert_eq!(store.liked_among(bob, &both).await.unwrap(), HashSet::from([two]));
}

/// A track that is not there is not liked, and changes no feed.
pub async fn unknown_tracks_are_not_liked(fixture: &LibraryStoreFixture) {
    let (ada, nothing): (AccountId, TrackId) = (samples::id(), samples::id());
    let refused = fixture.store.like(ada, nothing, samples::moment()).await;
    assert!(matches!(refused, Err(LibraryError::NotFound { what: "track" })), "{refused:?}");
    assert!(fixture.store.liked_among(ada, &[nothing]).await.unwrap().is_empty());
    assert!(fixture.store.changes(ada, 0, size(10)).await.unwrap().changes.is_empty());
}

async fn all(fixture: &LibraryStoreFixture, account: AccountId, items: u32) -> Vec<LikedTrack> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = fixture.store.liked_tracks(account, None, size(items), after.as_ref()).await.unwrap();
        assert!(page.items.len() <= items as usize);
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// By the moment of the like, of equal ones by the track; the same in pages of any size, while others
/// are liked and taken back.
pub async fn likes_come_newest_first(fixture: &LibraryStoreFixture) {
    let ada = samples::id();
    let artist = fixture.artist().await;
    let (then, later) = (samples::moment(), samples::moment());
    let mut expected = Vec::new();
    for liked_at in [then, later, then, later, then] {
        let track = fixture.track(&artist).await;
        fixture.store.like(ada, track.id, liked_at).await.unwrap();
        expected.push(LikedTrack { track, liked_at });
    }
    expected.sort_by_key(|like| std::cmp::Reverse((like.liked_at, like.track.id)));
    for items in [1, 2, 5, 100] {
        assert_eq!(all(fixture, ada, items).await, expected, "pages of {items}");
    }
    let first = fixture.store.liked_tracks(ada, None, size(2), None).await.unwrap();
    let new = fixture.track(&artist).await.id;
    fixture.store.like(ada, new, samples::moment()).await.unwrap();
    fixture.store.unlike(ada, first.items[1].track.id).await.unwrap();
    let rest = fixture.store.liked_tracks(ada, None, size(100), first.next.as_ref()).await.unwrap();
    assert_eq!(rest.items, expected[2..]);
    assert!(fixture.store.liked_tracks(samples::id(), None, size(9), None).await.unwrap().items.is_empty());
}

/// Tracks that are gone, private or unfinished are left out, and pages are full even so. Their artist
/// sees the own ones.
pub async fn likes_of_hidden_tracks_are_left_out(fixture: &LibraryStoreFixture) {
    let ada = samples::id();
    let artist = fixture.artist().await;
    let mut seen = Vec::new();
    let mut by_artist = Vec::new();
    for n in 0..12 {
        let track = fixture.track_with(&artist, |track| match n % 4 {
            1 => track.visibility = Visibility::Private,
            2 => track.status = TrackStatus::Processing,
            3 => track.visibility = Visibility::Unlisted,
            _ => {}
        });
        let track = track.await;
        fixture.store.like(ada, track.id, samples::moment()).await.unwrap();
        by_artist.insert(0, track.id);
        if matches!(n % 4, 0 | 3) {
            seen.insert(0, track.id);
        }
    }
    let gone = seen.remove(2);
    by_artist.retain(|id| *id != gone);
    fixture.catalog.delete_track(gone, None, &[]).await.unwrap();
    let first = fixture.store.liked_tracks(ada, None, size(3), None).await.unwrap();
    let ids = |likes: &[LikedTrack]| likes.iter().map(|like| like.track.id).collect::<Vec<_>>();
    assert_eq!(ids(&first.items), seen[..3]);
    assert_eq!(ids(&all(fixture, ada, 2).await), seen);
    let own = fixture.store.liked_tracks(ada, Some(artist.id), size(100), None).await.unwrap();
    assert_eq!(ids(&own.items), by_artist);
}

/// Of concurrent likes one is the first, and the feed has one entry.
pub async fn concurrent_likes_make_one(fixture: &LibraryStoreFixture) {
    let ada: AccountId = samples::id();
    let track = fixture.track(&fixture.artist().await).await.id;
    let calls = (0..20).map(|_| {
        let store = fixture.store.clone();
        tokio::spawn(async move { store.like(ada, track, samples::moment()).await.unwrap() })
    });
    let first = join_all(calls).await.into_iter().filter(|call| *call.as_ref().unwrap()).count();
    assert_eq!(first, 1);
    assert_eq!(fixture.store.changes(ada, 0, size(100)).await.unwrap().changes.len(), 1);
}
