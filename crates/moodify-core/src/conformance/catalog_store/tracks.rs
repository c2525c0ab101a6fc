use std::time::Duration;

use futures::future::join_all;

use super::{CatalogStoreFixture, ids};
use crate::conformance::{outbox::waiting, samples};
use crate::model::{
    Artist, EventKind, Genre, Playlist, Title, Track, TrackChange, TrackFilter, TrackId, TrackStatus,
    Visibility,
};
use crate::port::CatalogError;

/// A track is found in whatever state, every field of it.
pub async fn stored_track_is_found(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let bare = fixture
        .track_with(&artist, |track| {
            track.genre = None;
            track.cover = None;
            track.visibility = Visibility::Private;
            track.status = TrackStatus::Rejected;
        })
        .await;
    let full = fixture.track(&artist).await;
    assert_eq!(fixture.store.track(bare.id).await.unwrap(), Some(bare));
    assert_eq!(fixture.store.track(full.id).await.unwrap(), Some(full));
}

/// Numbers beyond 32 bits signed or unsigned and texts of the greatest length survive.
pub async fn the_greatest_numbers_and_longest_texts_survive(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture
        .track_with(&artist, |track| {
            track.title = Title::parse(&"\u{1F3B5}".repeat(Title::MAX_CHARS)).unwrap();
            track.genre = Some(Genre::parse(&"\u{5E9}".repeat(Genre::MAX_CHARS)).unwrap());
            track.duration_ms = u32::MAX;
            track.size_bytes = 1 << 40;
            track.play_count = 1 << 40;
            track.version = 1 << 40;
        })
        .await;
    assert_eq!(fixture.store.track(track.id).await.unwrap(), Some(track));
}

/// A track needs an artist.
pub async fn track_of_no_artist_is_not_found(fixture: &CatalogStoreFixture) {
    let track = samples::track(&samples::artist());
    let refused = fixture.store.create_track(&track).await;
    assert!(matches!(refused, Err(CatalogError::NotFound { what: "artist" })), "{refused:?}");
    assert_eq!(fixture.store.track(track.id).await.unwrap(), None);
}

/// A track that never was is `None`.
pub async fn unknown_track_is_none(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    fixture.track(&artist).await;
    assert_eq!(fixture.store.track(samples::id()).await.unwrap(), None);
}

/// Tracks carry the artist's name of now, wherever they are read.
pub async fn renaming_the_artist_renames_the_tracks(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (playlist, _) = fixture.playlist_of(&[&track]).await;
    let renamed = samples::renamed(&artist, "Ye");
    fixture.store.upsert_artist(&renamed).await.unwrap();

    let expected = Track { artist_name: renamed.name, ..track };
    assert_eq!(fixture.store.track(expected.id).await.unwrap().as_ref(), Some(&expected));
    let found = fixture.store.tracks_by_id(&[expected.id]).await.unwrap();
    assert_eq!(found.first(), Some(&expected));
    let filter = TrackFilter { artist_id: Some(renamed.id), ..TrackFilter::default() };
    assert_eq!(fixture.page(&filter, 1, None).await.items.first(), Some(&expected));
    let entries = fixture.entries(playlist.id).await;
    assert_eq!(entries.first().map(|entry| &entry.track), Some(&expected));
}

/// Of many ids those that exist are found, each once, in whatever state.
pub async fn existing_tracks_are_found_by_id(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let [one, two, other] = fixture.tracks(&artist).await;
    let hidden = fixture
        .track_with(&artist, |track| {
            track.visibility = Visibility::Private;
            track.status = TrackStatus::Processing;
        })
        .await;
    let mut asked: Vec<TrackId> = (0..1000).map(|_| samples::id()).collect();
    asked.extend([one.id, two.id, one.id, hidden.id]);

    let mut found = fixture.store.tracks_by_id(&asked).await.unwrap();
    found.sort_by_key(|track| track.id);
    assert_eq!(found, [one, two, hidden]);
    assert!(!found.contains(&other));
    assert_eq!(fixture.store.tracks_by_id(&[]).await.unwrap(), []);
}

async fn processing(fixture: &CatalogStoreFixture, artist: &Artist) -> Track {
    fixture.track_with(artist, |track| track.status = TrackStatus::Processing).await
}

/// A published track is ready, has a new version, and its events are stored.
pub async fn publishing_makes_a_track_ready(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = processing(fixture, &artist).await;
    let events = samples::events();
    assert!(fixture.store.publish_track(track.id, &events).await.unwrap());

    let found = fixture.store.track(track.id).await.unwrap().expect("the track");
    assert!(found.version > track.version);
    assert_eq!(found, Track { status: TrackStatus::Ready, version: found.version, ..track });
    assert_eq!(waiting(&*fixture.outbox, &events).await, events);
}

/// Only a processing track is published; otherwise neither track nor outbox change.
pub async fn publishing_what_is_not_processing_stores_nothing(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let ready = fixture.track(&artist).await;
    let rejected = fixture.track_with(&artist, |track| track.status = TrackStatus::Rejected).await;
    let event = samples::event(EventKind::TrackPublished);
    for id in [ready.id, rejected.id, samples::id()] {
        assert!(!fixture.store.publish_track(id, std::slice::from_ref(&event)).await.unwrap());
    }
    assert_eq!(fixture.store.track(ready.id).await.unwrap(), Some(ready));
    assert_eq!(fixture.store.track(rejected.id).await.unwrap(), Some(rejected));
    assert_eq!(waiting(&*fixture.outbox, &[event]).await, []);
}

/// Of concurrent publications of one track exactly one is `true`, and only its event is stored.
pub async fn concurrent_publications_store_events_once(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = processing(fixture, &artist).await;
    let calls = (0..20).map(|_| {
        let (store, id) = (fixture.store.clone(), track.id);
        tokio::spawn(async move {
            let event = samples::event(EventKind::TrackPublished);
            (store.publish_track(id, std::slice::from_ref(&event)).await.unwrap(), event)
        })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let events: Vec<_> = answers.iter().map(|(_, event)| event.clone()).collect();
    let winners: Vec<_> = answers.into_iter().filter_map(|(won, event)| won.then_some(event)).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(waiting(&*fixture.outbox, &events).await, winners);
}

/// Stale are processing tracks made before the moment, to the microsecond, oldest first.
pub async fn stale_uploads_are_old_and_processing(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let limit = samples::before(samples::moment(), Duration::from_secs(10 * 365 * 24 * 60 * 60));
    let at = |ago: u64| samples::before(limit, Duration::from_micros(ago));
    let mut stored = Vec::new();
    for (ago, status) in [
        (1, TrackStatus::Processing),
        (3_000_000, TrackStatus::Processing),
        (2_000_000, TrackStatus::Processing),
        (0, TrackStatus::Processing),
        (4_000_000, TrackStatus::Ready),
        (4_000_000, TrackStatus::Rejected),
    ] {
        stored.push(
            fixture
                .track_with(&artist, |track| {
                    track.created_at = at(ago);
                    track.status = status;
                })
                .await,
        );
    }
    let found = fixture.store.stale_uploads(limit).await.unwrap();
    assert_eq!(found, [stored[1].clone(), stored[2].clone(), stored[0].clone()]);
}

/// Of many stale uploads the hundred oldest come.
pub async fn stale_uploads_come_by_the_hundred(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let mut oldest = Vec::new();
    for _ in 0..103 {
        oldest.push(processing(fixture, &artist).await.id);
    }
    oldest.truncate(100);
    assert_eq!(ids(&fixture.store.stale_uploads(samples::moment()).await.unwrap()), oldest);
}

/// Deleting returns the track as it was and stores the events.
pub async fn deleted_track_is_gone(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let [track, other] = fixture.tracks(&artist).await;
    let events = samples::events();
    let deleted = fixture.store.delete_track(track.id, None, &events).await.unwrap();
    assert_eq!(deleted.as_ref(), Some(&track));

    assert_eq!(fixture.store.track(track.id).await.unwrap(), None);
    let filter = TrackFilter { artist_id: Some(artist.id), ..TrackFilter::default() };
    assert_eq!(fixture.listed(&filter).await, [other.id]);
    assert_eq!(waiting(&*fixture.outbox, &events).await, events);
}

/// Deleting what never was or is gone is `None` and stores no event.
pub async fn deleting_no_track_stores_nothing(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    fixture.store.delete_track(track.id, None, &[]).await.unwrap();
    let event = samples::event(EventKind::TrackDeleted);
    for id in [track.id, samples::id()] {
        assert_eq!(fixture.store.delete_track(id, None, std::slice::from_ref(&event)).await.unwrap(), None);
    }
    assert_eq!(waiting(&*fixture.outbox, &[event]).await, []);
}

/// A track that somebody changed since is not deleted, and no event is stored; in the version that it
/// has it is.
pub async fn deleting_a_stale_version_stores_nothing(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let change = TrackChange { genre: Some(None), ..TrackChange::default() };
    let edited = fixture.store.update_track(track.id, None, &change, &[], &[]).await.unwrap();
    let event = samples::event(EventKind::TrackDeleted);
    for stale in [track.version, edited.version + 1, u64::MAX] {
        let refused = fixture.store.delete_track(track.id, Some(stale), std::slice::from_ref(&event)).await;
        let current = edited.version;
        assert!(matches!(refused, Err(CatalogError::StaleVersion { current: found }) if found == current));
    }
    assert_eq!(fixture.store.delete_track(samples::id(), Some(1), &[]).await.unwrap(), None);
    assert_eq!(waiting(&*fixture.outbox, std::slice::from_ref(&event)).await, []);
    assert_eq!(fixture.store.track(track.id).await.unwrap().as_ref(), Some(&edited));
    let deleted = fixture
        .store
        .delete_track(track.id, Some(edited.version), std::slice::from_ref(&event))
        .await
        .unwrap();
    assert_eq!(deleted, Some(edited));
    assert_eq!(waiting(&*fixture.outbox, std::slice::from_ref(&event)).await, [event]);
}

/// Of concurrent deletions of one track exactly one gets it, and only its event is stored.
pub async fn concurrent_deletions_store_events_once(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let calls = (0..20).map(|_| {
        let (store, id) = (fixture.store.clone(), track.id);
        tokio::spawn(async move {
            let event = samples::event(EventKind::TrackDeleted);
            (store.delete_track(id, None, std::slice::from_ref(&event)).await.unwrap(), event)
        })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let events: Vec<_> = answers.iter().map(|(_, event)| event.clone()).collect();
    let winners: Vec<_> = answers.into_iter().filter_map(|(deleted, event)| deleted.map(|_| event)).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(waiting(&*fixture.outbox, &events).await, winners);
}

/// All entries of a deleted track go; the others keep their order, and the playlist has a new
/// version but was edited by nobody.
pub async fn deleting_a_track_takes_its_entries(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let [gone, kept, also] = fixture.tracks(&artist).await;
    let (playlist, entries) = fixture.playlist_of(&[&gone, &also, &gone, &kept, &gone]).await;
    fixture.store.delete_track(gone.id, None, &[]).await.unwrap();

    assert_eq!(fixture.entry_ids(playlist.id).await, [entries[1], entries[3]]);
    let found = fixture.stored_playlist(playlist.id).await;
    assert!(found.version > playlist.version);
    assert_eq!(found, Playlist { entry_count: 2, version: found.version, ..playlist });
}

/// A playlist without the deleted track stays as it was.
pub async fn deleting_a_track_leaves_other_playlists_alone(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let [gone, kept] = fixture.tracks(&artist).await;
    let (playlist, entries) = fixture.playlist_of(&[&kept, &kept]).await;
    fixture.store.delete_track(gone.id, None, &[]).await.unwrap();
    assert_eq!(fixture.entry_ids(playlist.id).await, entries);
    assert_eq!(fixture.stored_playlist(playlist.id).await, playlist);
}
