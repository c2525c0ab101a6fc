use futures::future::join_all;

use super::CatalogStoreFixture;
use crate::conformance::{outbox::waiting, samples};
use crate::model::search::query_words;
use crate::model::{
    Event, EventKind, Genre, Title, Track, TrackChange, TrackFilter, TrackStatus, Visibility,
};
use crate::port::CatalogError;

/// What a change does to a track.
type Apply = fn(&mut Track, &TrackChange);

fn visible(visibility: Visibility) -> TrackChange {
    TrackChange { visibility: Some(visibility), ..TrackChange::default() }
}

/// Changes the track's visibility, and returns which of the events is stored.
async fn show(fixture: &CatalogStoreFixture, track: &Track, visibility: Visibility) -> Vec<Event> {
    let event = samples::event(EventKind::TrackPublished);
    let change = visible(visibility);
    fixture.store.update_track(track.id, None, &change, std::slice::from_ref(&event), &[]).await.unwrap();
    waiting(&*fixture.outbox, &[event]).await
}

/// What is changed is changed, what is not stays, and every change gives a new version.
pub async fn edited_track_is_found_as_edited(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let mut expected = fixture.track(&artist).await;
    let other = fixture.track(&artist).await;
    let title = Title::parse(&"\u{1F3B5}".repeat(Title::MAX_CHARS)).unwrap();
    let genre = Genre::parse("Chanson réaliste").unwrap();
    let changes: [(TrackChange, Apply); 5] = [
        (TrackChange { title: Some(title), ..TrackChange::default() }, |track, change| {
            track.title = change.title.clone().unwrap();
        }),
        (TrackChange { genre: Some(None), ..TrackChange::default() }, |track, _| track.genre = None),
        (TrackChange { genre: Some(Some(genre)), ..TrackChange::default() }, |track, change| {
            track.genre = change.genre.clone().unwrap();
        }),
        (visible(Visibility::Private), |track, _| track.visibility = Visibility::Private),
        (TrackChange::default(), |_, _| ()),
    ];
    for (change, apply) in changes {
        let version = Some(expected.version);
        let changed = fixture.store.update_track(expected.id, version, &change, &[], &[]).await.unwrap();
        assert!(changed.version > expected.version);
        apply(&mut expected, &change);
        expected.version = changed.version;
        assert_eq!(changed, expected);
        assert_eq!(fixture.store.track(expected.id).await.unwrap().as_ref(), Some(&expected));
    }
    assert_eq!(fixture.store.track(other.id).await.unwrap(), Some(other));
}

/// A track is found by its new title and genre, and no longer by the old ones; by its artist's name
/// as before. Hidden ones are not found at all.
pub async fn edited_track_is_listed_as_edited(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    let (old, new) = (track.title.as_str().to_owned(), format!("Étude {}", samples::word()));
    let by = |words: &str| TrackFilter { words: query_words(words), ..TrackFilter::default() };
    let jazz = TrackFilter {
        artist_id: Some(artist.id),
        genre: Some(Genre::parse("jazz").unwrap()),
        ..TrackFilter::default()
    };
    assert_eq!(fixture.listed(&jazz).await, []);
    let change = TrackChange {
        title: Some(Title::parse(&new).unwrap()),
        genre: Some(Some(Genre::parse("Jazz").unwrap())),
        visibility: None,
    };
    fixture.store.update_track(track.id, None, &change, &[], &[]).await.unwrap();
    assert_eq!(fixture.listed(&by(&new)).await, [track.id]);
    assert_eq!(fixture.listed(&by(artist.name.as_str())).await, [track.id]);
    assert_eq!(fixture.listed(&by(&old)).await, []);
    assert_eq!(fixture.listed(&jazz).await, [track.id]);

    fixture.store.update_track(track.id, None, &visible(Visibility::Unlisted), &[], &[]).await.unwrap();
    assert_eq!(fixture.listed(&by(&new)).await, []);
    fixture.store.update_track(track.id, None, &visible(Visibility::Public), &[], &[]).await.unwrap();
    assert_eq!(fixture.listed(&by(&new)).await, [track.id]);
}

/// An unknown track, a stale version or an unfinished upload: neither track nor outbox change.
pub async fn refused_edits_store_nothing(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let private = |track: &mut Track| track.visibility = Visibility::Private;
    let track = fixture.track_with(&artist, private).await;
    let processing = fixture.track_with(&artist, |track| track.status = TrackStatus::Processing).await;
    let event = samples::event(EventKind::TrackPublished);
    let change = TrackChange { title: Some(Title::parse("Other").unwrap()), ..visible(Visibility::Public) };
    let update = async |id, expected| {
        fixture.store.update_track(id, expected, &change, std::slice::from_ref(&event), &[]).await
    };
    let refused = update(samples::id(), None).await;
    assert!(matches!(refused, Err(CatalogError::NotFound { what: "track" })), "{refused:?}");
    for stale in [track.version - 1, track.version + 1] {
        let refused = update(track.id, Some(stale)).await;
        let Err(CatalogError::StaleVersion { current }) = refused else { panic!("{refused:?}") };
        assert_eq!(current, track.version);
    }
    let refused = update(processing.id, None).await;
    assert!(matches!(refused, Err(CatalogError::Processing)), "{refused:?}");
    for track in [track, processing] {
        assert_eq!(fixture.store.track(track.id).await.unwrap().as_ref(), Some(&track));
        let by =
            TrackFilter { words: query_words("other"), artist_id: Some(artist.id), ..TrackFilter::default() };
        assert_eq!(fixture.listed(&TrackFilter { viewer: Some(artist.id), ..by }).await, []);
    }
    assert_eq!(waiting(&*fixture.outbox, &[event]).await, []);
}

/// The events of a change are stored when it makes the track public for the first time, however the
/// track came to be; never again.
pub async fn a_release_is_announced_once(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let hidden = fixture.track_with(&artist, |track| track.visibility = Visibility::Private).await;
    let uploaded = fixture
        .track_with(&artist, |track| {
            (track.visibility, track.status) = (Visibility::Unlisted, TrackStatus::Processing);
        })
        .await;
    assert!(fixture.store.publish_track(uploaded.id, &[]).await.unwrap());
    for track in [&hidden, &uploaded] {
        assert_eq!(show(fixture, track, Visibility::Unlisted).await, []);
        assert_eq!(show(fixture, track, Visibility::Private).await, []);
        assert_eq!(show(fixture, track, Visibility::Public).await.len(), 1);
    }
    let public = fixture.track(&artist).await;
    let published = fixture.track_with(&artist, |track| track.status = TrackStatus::Processing).await;
    assert!(fixture.store.publish_track(published.id, &[]).await.unwrap());
    let rejected = fixture.track_with(&artist, |track| track.status = TrackStatus::Rejected).await;
    for track in [&hidden, &uploaded, &public, &published, &rejected] {
        for visibility in [Visibility::Public, Visibility::Private, Visibility::Public] {
            assert_eq!(show(fixture, track, visibility).await, []);
        }
    }
}

/// The events of hiding are stored when a track that was once released is not public any more, and
/// not while it never was.
pub async fn a_release_that_is_hidden_says_so(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let draft = fixture.track_with(&artist, |track| track.visibility = Visibility::Private).await;
    let public = fixture.track(&artist).await;
    let hide = async |track: &Track, visibility| {
        let event = samples::event(EventKind::TrackHidden);
        let hidden = std::slice::from_ref(&event);
        fixture.store.update_track(track.id, None, &visible(visibility), &[], hidden).await.unwrap();
        waiting(&*fixture.outbox, &[event]).await.len()
    };
    for (track, visibility, stored) in [
        (&draft, Visibility::Unlisted, 0),
        (&draft, Visibility::Public, 0),
        (&draft, Visibility::Private, 1),
        (&public, Visibility::Public, 0),
        (&public, Visibility::Unlisted, 1),
        (&public, Visibility::Public, 0),
    ] {
        assert_eq!(hide(track, visibility).await, stored, "{visibility:?}");
    }
    let refused = samples::event(EventKind::TrackHidden);
    let hidden = std::slice::from_ref(&refused);
    let stale =
        fixture.store.update_track(public.id, Some(0), &visible(Visibility::Private), &[], hidden).await;
    assert!(matches!(stale, Err(CatalogError::StaleVersion { .. })), "{stale:?}");
    assert_eq!(waiting(&*fixture.outbox, &[refused]).await, []);
}

/// Of concurrent changes that all make a track public exactly one stores its event, and each gets a
/// version of its own.
pub async fn concurrent_edits_announce_once(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track_with(&artist, |track| track.visibility = Visibility::Private).await;
    let calls = (0..20).map(|_| {
        let (store, id) = (fixture.store.clone(), track.id);
        tokio::spawn(async move {
            let event = samples::event(EventKind::TrackPublished);
            let change = visible(Visibility::Public);
            (
                store
                    .update_track(id, None, &change, std::slice::from_ref(&event), &[])
                    .await
                    .unwrap()
                    .version,
                event,
            )
        })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let events: Vec<_> = answers.iter().map(|(_, event)| event.clone()).collect();
    let mut versions: Vec<_> = answers.into_iter().map(|(version, _)| version).collect();
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 20, "two changes got one version");
    assert_eq!(waiting(&*fixture.outbox, &events).await.len(), 1);
}
