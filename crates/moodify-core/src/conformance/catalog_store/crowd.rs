use std::cmp::Reverse;

use super::{CatalogStoreFixture, ids};
use crate::conformance::samples;
use crate::model::search::{fold, matches};
use crate::model::{Title, Track, TrackFilter, TrackId, TrackSort};

fn first(tracks: &[Track], filter: &TrackFilter, count: usize) -> Vec<TrackId> {
    let mut found: Vec<&Track> = tracks
        .iter()
        .filter(|track| matches(&filter.words, &[track.title.as_str(), track.artist_name.as_str()]))
        .filter(|track| filter.artist_id.is_none_or(|artist| artist == track.artist_id))
        .collect();
    match filter.sort {
        TrackSort::Newest => found.sort_by_key(|track| Reverse(track.id)),
        TrackSort::Popular => found.sort_by_key(|track| Reverse((track.play_count, track.id))),
        TrackSort::Title => found.sort_by_key(|track| (fold(track.title.as_str()), track.id)),
    }
    found.iter().take(count).map(|track| track.id).collect()
}

/// Words that hundreds of tracks have, alone and together, and beginnings of many words: what is found
/// is the same as if they were rare, page by page, in every order.
pub async fn frequent_words_find_the_same(fixture: &CatalogStoreFixture) {
    let [start, often, seldom, always] = std::array::from_fn(|_| samples::word());
    let (artist, other) = (fixture.artist().await, fixture.artist().await);
    let mut tracks = Vec::new();
    for n in 0..540_u32 {
        // `start` begins fourteen words.
        let letter = char::from_digit(10 + n % 14, 24).unwrap();
        let one = if n % 20 == 0 { &seldom } else { &often };
        let title = format!("{start}{letter} {one} {always}");
        let by = if n % 30 == 0 { &other } else { &artist };
        let change = |track: &mut Track| {
            track.title = Title::parse(&title).unwrap();
            track.play_count = u64::from(n % 5);
        };
        tracks.push(fixture.track_with(by, change).await);
    }
    for words in [
        vec![&start],
        vec![&always],
        vec![&often],
        vec![&often, &always],
        vec![&start, &often],
        vec![&seldom, &always],
        vec![&often, &seldom],
    ] {
        let words: Vec<String> = words.into_iter().cloned().collect();
        for sort in [TrackSort::Newest, TrackSort::Popular, TrackSort::Title] {
            for artist_id in [None, Some(other.id)] {
                let filter = TrackFilter { words: words.clone(), artist_id, sort, ..TrackFilter::default() };
                let page = fixture.page(&filter, 100, None).await;
                let mut found = ids(&page.items);
                if page.next.is_some() {
                    found.extend(ids(&fixture.page(&filter, 100, page.next.as_ref()).await.items));
                }
                assert_eq!(found, first(&tracks, &filter, 200), "{filter:?}");
            }
        }
    }
}
