use std::cmp::Reverse;

use jiff::Timestamp;

use super::records::Heard;
use crate::memory::store::Tables;
use crate::model::play::{believed_ms, needed, taken_until};
use crate::model::{
    AccountId, ArtistId, Day, DeviceId, HistoryEntry, Page, PageSize, PlayId, PlayReport, TrackId,
};
use crate::port::{HistoryPosition, LibraryError};

#[derive(Clone, Debug)]
pub(super) struct StoredPlay {
    track: TrackId,
    started_at: Timestamp,
    played_ms: u32,
    device_id: Option<DeviceId>,
    /// The end of the time that it takes up; only if it counts.
    taken_until: Option<Timestamp>,
}

pub(super) fn record(tables: &mut Tables, report: &PlayReport) -> Result<bool, LibraryError> {
    let not_found = LibraryError::NotFound { what: "track" };
    let track = tables.catalog.tracks.get_mut(&report.track_id).ok_or(not_found)?;
    let library = &mut tables.library;
    let key = (report.account_id, report.play_id.clone());
    let mut play = library.plays.get(&key).cloned().unwrap_or_else(|| StoredPlay {
        track: report.track_id,
        started_at: report.started_at,
        played_ms: 0,
        device_id: report.device_id.clone(),
        taken_until: None,
    });
    if play.track != report.track_id {
        return Err(LibraryError::PlayIdTaken);
    }
    let believed = believed_ms(play.started_at, report.played_ms, report.reported_at);
    play.played_ms = play.played_ms.max(believed);
    let until = taken_until(play.started_at, track.duration_ms);
    let overlaps = |((listener, _), other): (&(AccountId, PlayId), &StoredPlay)| {
        *listener == report.account_id
            && other.taken_until.is_some_and(|taken| taken > play.started_at && other.started_at < until)
    };
    let enough = u128::from(play.played_ms) >= needed(track.duration_ms).as_millis();
    if play.taken_until.is_none() && enough && !library.plays.iter().any(overlaps) {
        play.taken_until = Some(until);
        track.play_count += 1;
        let day = Day::of(play.started_at);
        let listener = *library.numbers.entry(report.account_id).or_insert_with(|| {
            library.numbers_given += 1;
            library.numbers_given
        });
        library.heard.push(Heard { artist: track.artist_id, track: track.id, day, listener });
    }
    let counted = play.taken_until.is_some();
    library.plays.insert(key, play);
    Ok(counted)
}

pub(super) fn page(
    tables: &Tables,
    account: AccountId,
    viewer: Option<ArtistId>,
    size: PageSize,
    after: Option<&HistoryPosition>,
) -> Page<HistoryEntry, HistoryPosition> {
    let position = |entry: &HistoryEntry| HistoryPosition {
        started_at: entry.started_at,
        play_id: entry.play_id.clone(),
    };
    let key = |position: HistoryPosition| (position.started_at, position.play_id);
    let mut found: Vec<HistoryEntry> = tables
        .library
        .plays
        .iter()
        .filter(|((listener, _), _)| *listener == account)
        .filter_map(|((_, play_id), play)| {
            let track = tables.catalog.track(play.track).filter(|track| track.is_visible_to(viewer))?;
            Some(HistoryEntry {
                play_id: play_id.clone(),
                track,
                started_at: play.started_at,
                played_ms: play.played_ms,
                counted: play.taken_until.is_some(),
                device_id: play.device_id.clone(),
            })
        })
        .filter(|entry| after.is_none_or(|after| key(position(entry)) < key(after.clone())))
        .collect();
    found.sort_by_key(|entry| Reverse(key(position(entry))));
    found.truncate(size.get() + 1);
    Page::from_surplus(found, size, position)
}
