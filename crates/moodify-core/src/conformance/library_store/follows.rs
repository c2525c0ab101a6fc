use std::collections::HashSet;

use futures::future::join_all;

use super::{LibraryStoreFixture, size};
use crate::conformance::{outbox::waiting, samples};
use crate::model::{AccountId, ArtistId, EventKind, FollowedArtist};
use crate::port::LibraryError;

/// Following twice is following once; events are stored only with a change.
pub async fn a_follow_stays_until_it_is_taken_back(fixture: &LibraryStoreFixture) {
    let ada: AccountId = samples::id();
    let (one, two) = (fixture.artist().await.id, fixture.artist().await.id);
    let store = &fixture.store;
    let [not, first, again, end] = [
        samples::event(EventKind::ArtistUnfollowed),
        samples::event(EventKind::ArtistFollowed),
        samples::event(EventKind::ArtistFollowed),
        samples::event(EventKind::ArtistUnfollowed),
    ];
    let now = samples::moment;
    let events = [not.clone(), first.clone(), again.clone(), end.clone()];
    assert!(!store.unfollow(ada, one, now(), &[not]).await.unwrap());
    assert!(store.follow(ada, one, now(), std::slice::from_ref(&first)).await.unwrap());
    assert!(!store.follow(ada, one, now(), &[again]).await.unwrap());
    let both = [one, two, samples::id()];
    assert_eq!(store.followed_among(ada, &both).await.unwrap(), HashSet::from([one]));
    assert!(store.followed_among(ada, &[]).await.unwrap().is_empty());
    assert!(store.followed_among(samples::id(), &both).await.unwrap().is_empty());
    assert!(store.unfollow(ada, one, now(), std::slice::from_ref(&end)).await.unwrap());
    assert!(store.followed_among(ada, &both).await.unwrap().is_empty());
    assert_eq!(waiting(&*fixture.outbox, &events).await, [first, end]);
}

/// An artist who is not there is not followed, and no event is stored.
pub async fn unknown_artists_are_not_followed(fixture: &LibraryStoreFixture) {
    let (ada, nobody): (AccountId, ArtistId) = (samples::id(), samples::id());
    let event = samples::event(EventKind::ArtistFollowed);
    let events = [event];
    let refused = fixture.store.follow(ada, nobody, samples::moment(), &events).await;
    assert!(matches!(refused, Err(LibraryError::NotFound { what: "artist" })), "{refused:?}");
    assert!(waiting(&*fixture.outbox, &events).await.is_empty());
    assert!(fixture.store.changes(ada, 0, size(10)).await.unwrap().changes.is_empty());
}

/// By the moment of the follow, of equal ones by the artist; with counts.
pub async fn follows_come_newest_first(fixture: &LibraryStoreFixture) {
    let ada = samples::id();
    let (then, later) = (samples::moment(), samples::moment());
    let mut expected = Vec::new();
    for followed_at in [then, later, then, later, then] {
        let artist = fixture.artist().await;
        fixture.store.follow(ada, artist.id, followed_at, &[]).await.unwrap();
        let summary = fixture.store.artist_summary(artist.id).await.unwrap().unwrap();
        assert_eq!(summary.follower_count, 1);
        expected.push(FollowedArtist { summary, followed_at });
    }
    expected.sort_by_key(|follow| std::cmp::Reverse((follow.followed_at, follow.summary.artist.id)));
    for items in [1, 2, 5, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = fixture.store.followed_artists(ada, size(items), after.as_ref()).await.unwrap();
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "pages of {items}");
    }
    assert!(fixture.store.followed_artists(samples::id(), size(9), None).await.unwrap().items.is_empty());
}

/// Whoever follows at the same time is counted, once each.
pub async fn concurrent_follows_are_all_counted(fixture: &LibraryStoreFixture) {
    let artist = fixture.artist().await.id;
    let followers: Vec<AccountId> = (0..10).map(|_| samples::id()).collect();
    let calls = followers.iter().chain(&followers).chain(&followers).map(|account| {
        let (store, account) = (fixture.store.clone(), *account);
        tokio::spawn(async move { store.follow(account, artist, samples::moment(), &[]).await.unwrap() })
    });
    let first = join_all(calls).await.into_iter().filter(|call| *call.as_ref().unwrap()).count();
    assert_eq!(first, 10);
    assert_eq!(fixture.store.artist_summary(artist).await.unwrap().unwrap().follower_count, 10);
}
