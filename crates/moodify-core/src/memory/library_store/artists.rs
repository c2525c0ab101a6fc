use std::cmp::Reverse;

use crate::memory::store::Tables;
use crate::model::search::matches;
use crate::model::{ArtistId, ArtistSummary, Page, PageSize, TrackStatus, Visibility};
use crate::port::ArtistPosition;

pub(super) fn summary(tables: &Tables, id: ArtistId) -> Option<ArtistSummary> {
    let artist = tables.catalog.artists.get(&id)?.clone();
    let follower_count = tables.library.follows.keys().filter(|(_, artist)| *artist == id).count() as u64;
    let tracks = tables.catalog.tracks.values().filter(|track| track.artist_id == id);
    let listed = tracks.filter(|t| t.visibility == Visibility::Public && t.status == TrackStatus::Ready);
    Some(ArtistSummary { artist, follower_count, track_count: listed.count() as u64 })
}

pub(super) fn page(
    tables: &Tables,
    words: &[String],
    size: PageSize,
    after: Option<&ArtistPosition>,
) -> Page<ArtistSummary, ArtistPosition> {
    let key = |artist: &ArtistSummary| (artist.follower_count, artist.artist.id);
    let mut found: Vec<ArtistSummary> = tables
        .catalog
        .artists
        .keys()
        .filter_map(|id| summary(tables, *id))
        .filter(|summary| matches(words, &[summary.artist.name.as_str()]))
        .filter(|summary| after.is_none_or(|after| key(summary) < (after.follower_count, after.id)))
        .collect();
    found.sort_by_key(|summary| Reverse(key(summary)));
    found.truncate(size.get() + 1);
    let position = |summary: &ArtistSummary| {
        let (follower_count, id) = key(summary);
        ArtistPosition { follower_count, id }
    };
    Page::from_surplus(found, size, position)
}
