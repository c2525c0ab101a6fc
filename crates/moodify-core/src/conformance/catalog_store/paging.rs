use std::cmp::Reverse;
use std::collections::BTreeSet;

use futures::future::join_all;

use super::{CatalogStoreFixture, ids};
use crate::conformance::samples;
use crate::model::search::fold;
use crate::model::{Artist, Page, Title, Track, TrackFilter, TrackId, TrackSort};

const SORTS: [TrackSort; 3] = [TrackSort::Newest, TrackSort::Popular, TrackSort::Title];
const TITLES: [&str; 12] =
    ["Zebra", "apple", "Äpfel", "éclair", "Eclair", "10", "9", "夜", "🎵", "_x", "a b", "ab"];
const PLAYS: [u64; 5] = [7, 0, 5_000_000_000, 7, 1];

fn in_order(tracks: &[Track], sort: TrackSort) -> Vec<TrackId> {
    let mut tracks: Vec<&Track> = tracks.iter().collect();
    match sort {
        TrackSort::Newest => tracks.sort_by_key(|track| Reverse(track.id)),
        TrackSort::Popular => tracks.sort_by_key(|track| Reverse((track.play_count, track.id))),
        TrackSort::Title => tracks.sort_by_key(|track| (fold(track.title.as_str()), track.id)),
    }
    tracks.iter().map(|track| track.id).collect()
}

fn sorted(artist: &Artist, sort: TrackSort) -> TrackFilter {
    TrackFilter { artist_id: Some(artist.id), sort, ..TrackFilter::default() }
}

/// Stores the `n`th of a series of tracks whose titles and plays repeat.
async fn nth(fixture: &CatalogStoreFixture, artist: &Artist, n: usize) -> Track {
    let change = |track: &mut Track| {
        track.title = Title::parse(TITLES[n % TITLES.len()]).unwrap();
        track.play_count = PLAYS[n % PLAYS.len()];
    };
    fixture.track_with(artist, change).await
}

async fn series(fixture: &CatalogStoreFixture, artist: &Artist, count: usize) -> Vec<Track> {
    let mut tracks = Vec::new();
    for n in 0..count {
        tracks.push(nth(fixture, artist, n).await);
    }
    tracks
}

async fn assert_order(fixture: &CatalogStoreFixture, sort: TrackSort) {
    let artist = fixture.artist().await;
    let tracks = series(fixture, &artist, 30).await;
    let expected = in_order(&tracks, sort);
    let filter = sorted(&artist, sort);
    for size in [1, 7, 30, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let Page { items, next } = fixture.page(&filter, size, after.as_ref()).await;
            assert!(items.len() <= size as usize, "a page of {} items, asked for {size}", items.len());
            found.extend(ids(&items));
            assert!(found.len() <= expected.len(), "the list does not end");
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(found, expected, "{sort:?} in pages of {size}");
    }
}

/// By age, the newest first.
pub async fn newest_tracks_come_first(fixture: &CatalogStoreFixture) {
    assert_order(fixture, TrackSort::Newest).await;
}

/// By plays, the most first; of equal ones the newest.
pub async fn popular_tracks_come_first(fixture: &CatalogStoreFixture) {
    assert_order(fixture, TrackSort::Popular).await;
}

/// By folded title and code point; of equal ones the smallest id.
pub async fn titles_come_in_folded_order(fixture: &CatalogStoreFixture) {
    assert_order(fixture, TrackSort::Title).await;
}

/// The last page says that it is the last, even when it is full; an empty list has one page.
pub async fn a_page_of_exactly_all_has_no_next(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    for sort in SORTS {
        let page = fixture.page(&sorted(&artist, sort), 4, None).await;
        assert!(page.items.is_empty() && page.next.is_none());
    }
    series(fixture, &artist, 8).await;
    for sort in SORTS {
        let filter = sorted(&artist, sort);
        let first = fixture.page(&filter, 4, None).await;
        let second = fixture.page(&filter, 4, first.next.as_ref()).await;
        assert_eq!((first.items.len(), second.items.len()), (4, 4));
        assert!(first.next.is_some() && second.next.is_none(), "{sort:?}");
    }
}

/// Between two pages tracks come and go, also the one that the page ended with: no track comes
/// twice, and none that stays is skipped.
pub async fn pages_survive_inserts_and_deletes(fixture: &CatalogStoreFixture) {
    for sort in SORTS {
        let artist = fixture.artist().await;
        let stayed = series(fixture, &artist, 30).await;
        let mut stayed: BTreeSet<TrackId> = ids(&stayed).into_iter().collect();
        let filter = sorted(&artist, sort);
        let (mut found, mut after, mut n) = (Vec::new(), None, 0);
        loop {
            let Page { items, next } = fixture.page(&filter, 4, after.as_ref()).await;
            found.extend(ids(&items));
            let Some(next) = next else { break };
            for id in [items.first(), items.last()].into_iter().flatten().map(|track| track.id) {
                fixture.store.delete_track(id, None, &[]).await.unwrap();
            }
            let ahead = stayed.iter().copied().find(|id| !found.contains(id));
            if let Some(ahead) = ahead.filter(|_| n == 0) {
                fixture.store.delete_track(ahead, None, &[]).await.unwrap();
                stayed.remove(&ahead);
            }
            nth(fixture, &artist, n * 5).await;
            n += 1;
            after = Some(next);
            assert!(found.len() < 100, "the list does not end");
        }
        let distinct: BTreeSet<TrackId> = found.iter().copied().collect();
        assert_eq!(distinct.len(), found.len(), "{sort:?}: a track came twice");
        assert!(distinct.is_superset(&stayed), "{sort:?}: a track was skipped");
    }
}

/// Who reads while others upload sees every track that was there before, once.
pub async fn concurrent_inserts_hide_nothing(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let before = series(fixture, &artist, 20).await;
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (store, artist) = (fixture.store.clone(), artist.clone());
            tokio::spawn(async move {
                for _ in 0..10 {
                    store.create_track(&samples::track(&artist)).await.unwrap();
                }
            })
        })
        .collect();
    for sort in SORTS {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = fixture.page(&sorted(&artist, sort), 3, after.as_ref()).await;
            found.extend(ids(&page.items));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let distinct: BTreeSet<TrackId> = found.iter().copied().collect();
        assert_eq!(distinct.len(), found.len(), "{sort:?}: a track came twice");
        assert!(ids(&before).iter().all(|id| distinct.contains(id)), "{sort:?}: a track was skipped");
    }
    join_all(writers).await.into_iter().for_each(Result::unwrap);
}
