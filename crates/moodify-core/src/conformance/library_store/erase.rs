use std::collections::HashSet;
use std::time::Duration;

use super::plays::report;
use super::{LibraryStoreFixture, size};
use crate::conformance::samples;
use crate::model::{AccountId, ArtistRecord, Day, LibraryChange, LibraryItem, Playlist};

/// Listeners who liked a track that is gone learn that, and like it no more, in portions of any size.
pub async fn a_gone_track_leaves_its_likes_portion_by_portion(fixture: &LibraryStoreFixture) {
    let artist = fixture.artist().await;
    let (gone, stays) = (fixture.track(&artist).await, fixture.track(&artist).await);
    let likers: Vec<AccountId> = (0..7).map(|_| samples::id()).collect();
    for account in &likers {
        for (track, hours) in [(&gone, 0), (&stays, 1)] {
            fixture.store.like(*account, track.id, samples::moment()).await.unwrap();
            let started_at = samples::after(samples::moment(), Duration::from_secs(3600 * hours));
            assert!(fixture.play(&report(*account, track, started_at)).await);
        }
    }
    fixture.catalog.delete_track(gone.id, &[]).await.unwrap();
    let mut portions = 1;
    while !fixture.store.forget_track(gone.id, 3).await.unwrap() {
        portions += 1;
        assert!(portions < 20, "no end");
    }
    assert!(fixture.store.forget_track(gone.id, 3).await.unwrap());
    for account in &likers {
        let liked = fixture.store.liked_among(*account, &[gone.id, stays.id]).await.unwrap();
        assert_eq!(liked, HashSet::from([stays.id]));
        let feed = fixture.store.changes(*account, 0, size(10)).await.unwrap().changes;
        assert_eq!(feed.len(), 2);
        assert_eq!(feed[1], LibraryChange { item: LibraryItem::Like(gone.id), kept: None });
    }
    // The artist was heard all the same.
    let (from, to) = (Day::of(artist.created_at), Day::of(samples::moment()).plus(1));
    let record = fixture.store.artist_record(artist.id, from, to).await.unwrap();
    assert_eq!(record.listeners, 7);
    assert_eq!(record.days.iter().map(|day| day.plays).sum::<u64>(), 14);
    assert_eq!(record.tracks.iter().map(|track| track.id).collect::<Vec<_>>(), [stays.id]);
}

/// Of a listener who is erased nothing is found any more, of others everything; counts stay, but for the
/// followers.
pub async fn an_erased_listener_leaves_only_counts(fixture: &LibraryStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (ada, bob): (AccountId, AccountId) = (samples::id(), samples::id());
    let started_at = samples::moment();
    for account in [ada, bob] {
        fixture.store.like(account, track.id, started_at).await.unwrap();
        fixture.store.follow(account, artist.id, started_at, &[]).await.unwrap();
        fixture.play(&report(account, &track, started_at)).await;
        for _ in 0..7 {
            let playlist = Playlist { entry_count: 1, ..samples::playlist(account) };
            fixture.catalog.create_playlist(&playlist, &samples::entries([&track])).await.unwrap();
        }
    }
    let day = Day::of(started_at);
    let before = fixture.store.artist_record(artist.id, day, day).await.unwrap();
    assert_eq!((before.followers, before.listeners), (2, 2));
    let mut portions = 0;
    while !fixture.store.erase_listener(ada, started_at, 2).await.unwrap() {
        portions += 1;
        assert!(portions < 40, "no end");
    }
    assert!(fixture.store.erase_listener(ada, started_at, 2).await.unwrap());

    let left = |account| async move {
        let likes = fixture.store.liked_tracks(account, None, size(10), None).await.unwrap().items.len();
        let follows = fixture.store.followed_artists(account, size(10), None).await.unwrap().items.len();
        let plays = fixture.store.history(account, None, size(10), None).await.unwrap().items.len();
        let playlists = fixture.catalog.list_playlists(account, size(10), None).await.unwrap().items.len();
        let changes = fixture.store.changes(account, 0, size(10)).await.unwrap().changes.len();
        [likes, follows, plays, playlists, changes]
    };
    assert_eq!(left(ada).await, [0; 5]);
    assert_eq!(left(bob).await, [1, 1, 1, 7, 9]);
    let after = fixture.store.artist_record(artist.id, day, day).await.unwrap();
    assert_eq!(after.days[0].lost, 1);
    let mut expected = ArtistRecord { followers: 1, ..before };
    expected.days[0].lost = 1;
    assert_eq!(after, expected);
    assert_eq!(fixture.play_count(&track).await, 2);
    assert_eq!(fixture.store.artist_summary(artist.id).await.unwrap().unwrap().follower_count, 1);
}

/// Listeners are erased while tracks of their playlists and history are deleted, and every call succeeds.
pub async fn listeners_and_tracks_go_at_once(fixture: &LibraryStoreFixture) {
    let artist = fixture.artist().await;
    let mut tracks = Vec::new();
    for _ in 0..6 {
        tracks.push(fixture.track(&artist).await);
    }
    let listeners: Vec<AccountId> = (0..4).map(|_| samples::id()).collect();
    for account in &listeners {
        let mut playlists: Vec<Playlist> = (0..8).map(|_| samples::playlist(*account)).collect();
        // Not in the order in which they are held.
        playlists.sort_by_key(|playlist| std::cmp::Reverse(playlist.id));
        for playlist in playlists {
            let playlist = Playlist { entry_count: 6, ..playlist };
            fixture.catalog.create_playlist(&playlist, &samples::entries(&tracks)).await.unwrap();
        }
        for (hours, track) in (0..).zip(&tracks) {
            let started_at = samples::after(samples::moment(), Duration::from_secs(3600 * hours));
            assert!(fixture.play(&report(*account, track, started_at)).await);
        }
    }
    let mut calls = Vec::new();
    for track in tracks {
        let (store, catalog) = (fixture.store.clone(), fixture.catalog.clone());
        calls.push(tokio::spawn(async move {
            catalog.delete_track(track.id, &[]).await.unwrap().unwrap();
            while !store.forget_track(track.id, 2).await.unwrap() {}
        }));
    }
    for account in &listeners {
        let (store, account) = (fixture.store.clone(), *account);
        calls.push(tokio::spawn(async move {
            while !store.erase_listener(account, samples::moment(), 2).await.unwrap() {}
        }));
    }
    for call in futures::future::join_all(calls).await {
        call.unwrap();
    }
    for account in listeners {
        assert_eq!(fixture.catalog.list_playlists(account, size(10), None).await.unwrap().items, []);
        assert_eq!(fixture.store.history(account, None, size(10), None).await.unwrap().items, []);
    }
}

/// Followers of an artist who is erased learn that; all else of theirs stays.
pub async fn an_erased_artist_leaves_followers_alone(fixture: &LibraryStoreFixture) {
    let (gone, stays) = (fixture.artist().await, fixture.artist().await);
    let followers: Vec<AccountId> = (0..7).map(|_| samples::id()).collect();
    for account in &followers {
        for artist in [&gone, &stays] {
            fixture.store.follow(*account, artist.id, samples::moment(), &[]).await.unwrap();
        }
    }
    let track = fixture.track(&gone).await;
    fixture.play(&report(followers[0], &track, samples::moment())).await;
    fixture.catalog.delete_track(track.id, &[]).await.unwrap();
    let mut portions = 1;
    while !fixture.store.erase_artist(gone.id, 3).await.unwrap() {
        portions += 1;
        assert!(portions < 20, "no end");
    }
    assert!(fixture.store.erase_artist(gone.id, 3).await.unwrap());
    assert_eq!(fixture.store.artist_summary(gone.id).await.unwrap(), None);
    assert_eq!(fixture.catalog.artist(gone.id).await.unwrap(), None);
    for account in &followers {
        let followed = fixture.store.followed_among(*account, &[gone.id, stays.id]).await.unwrap();
        assert_eq!(followed, HashSet::from([stays.id]));
        let feed = fixture.store.changes(*account, 0, size(10)).await.unwrap().changes;
        assert_eq!(feed[1], LibraryChange { item: LibraryItem::Follow(gone.id), kept: None });
    }
    let (from, to) = (Day::of(gone.created_at), Day::of(samples::moment()));
    assert_eq!(fixture.store.artist_record(gone.id, from, to).await.unwrap(), ArtistRecord::default());
    assert_eq!(fixture.store.artist_summary(stays.id).await.unwrap().unwrap().follower_count, 7);
}

/// Tracks go first.
pub async fn an_artist_with_tracks_is_not_erased(fixture: &LibraryStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    assert!(!fixture.store.erase_artist(artist.id, 100).await.unwrap());
    assert_eq!(fixture.catalog.track(track.id).await.unwrap(), Some(track.clone()));
    fixture.catalog.delete_track(track.id, &[]).await.unwrap();
    assert!(fixture.store.erase_artist(artist.id, 100).await.unwrap());
    assert_eq!(fixture.catalog.artist(artist.id).await.unwrap(), None);
}
