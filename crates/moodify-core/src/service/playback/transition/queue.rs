//! What comes next.

use std::collections::HashSet;

use super::{Scene, begin, current_index, devices};
use crate::model::{EntryId, PlaybackState, PositionMs, QueueEntry, QueuePosition, Repeat, TrackId};
use crate::service::playback::Refusal;

pub(super) fn set(
    next: &mut PlaybackState,
    tracks: &[TrackId],
    (index, position): (usize, PositionMs),
    play: Option<bool>,
    scene: &Scene<'_>,
) -> Result<(), Refusal> {
    if tracks.is_empty() {
        clear(next, scene);
        return Ok(());
    }
    if index >= tracks.len() {
        return Err(Refusal::OutOfRange);
    }
    replace(next, tracks, scene)?;
    next.playing = play.unwrap_or(next.playing);
    if next.shuffle {
        // Mixed already, with its first entry in front: that is not the one that was asked for.
        next.queue.unshuffle();
        next.queue.shuffle(Some(index), scene.seed);
    }
    begin(next, if next.shuffle { 0 } else { index }, position, scene);
    if play == Some(true) {
        devices::take_up(next, scene);
    }
    Ok(())
}

/// Another queue; the caller says what is current.
pub(super) fn replace(
    next: &mut PlaybackState,
    tracks: &[TrackId],
    scene: &Scene<'_>,
) -> Result<(), Refusal> {
    if tracks.len() > scene.max_queue {
        return Err(Refusal::QueueFull);
    }
    next.queue = entries(tracks, scene).collect();
    if next.shuffle {
        next.queue.shuffle(Some(0), scene.seed);
    }
    Ok(())
}

pub(super) fn add(
    next: &mut PlaybackState,
    tracks: &[TrackId],
    position: QueuePosition,
    scene: &Scene<'_>,
) -> Result<(), Refusal> {
    let before = next.queue.len();
    if before + tracks.len() > scene.max_queue {
        return Err(Refusal::QueueFull);
    }
    let at = match position {
        QueuePosition::Next => next.index.map_or(0, |index| index as usize + 1),
        QueuePosition::End => before,
        QueuePosition::Index(index) if index <= before => index,
        QueuePosition::Index(_) => return Err(Refusal::OutOfRange),
    };
    next.queue.insert(at, entries(tracks, scene));
    match current_index(next) {
        Ok(current) if at <= current => next.index = u32::try_from(current + tracks.len()).ok(),
        Ok(_) => {}
        Err(_) if tracks.is_empty() => {}
        Err(_) => {
            if next.shuffle {
                next.queue.shuffle(None, scene.seed);
            }
            begin(next, 0, PositionMs::ZERO, scene);
        }
    }
    Ok(())
}

pub(super) fn remove(
    next: &mut PlaybackState,
    entries: &[EntryId],
    scene: &Scene<'_>,
) -> Result<(), Refusal> {
    let there: HashSet<_> = next.queue.iter().map(|entry| entry.entry_id).collect();
    let goes: HashSet<_> = entries.iter().copied().collect();
    if !goes.is_subset(&there) {
        return Err(Refusal::UnknownEntry);
    }
    let Ok(current) = current_index(next) else { return Ok(()) };
    let is_current_gone = goes.contains(&next.queue[current].entry_id);
    let following = next.queue[..current].iter().filter(|entry| !goes.contains(&entry.entry_id)).count();
    next.queue.remove(|entry| goes.contains(&entry.entry_id));
    if next.queue.is_empty() {
        clear(next, scene);
    } else if !is_current_gone {
        next.index = u32::try_from(following).ok();
    } else if following < next.queue.len() {
        begin(next, following, PositionMs::ZERO, scene);
    } else {
        next.playing &= next.repeat != Repeat::Off;
        begin(next, 0, PositionMs::ZERO, scene);
    }
    Ok(())
}

pub(super) fn relocate(next: &mut PlaybackState, entry: EntryId, to: usize) -> Result<(), Refusal> {
    let from = next.queue.position(entry).ok_or(Refusal::UnknownEntry)?;
    if to >= next.queue.len() {
        return Err(Refusal::OutOfRange);
    }
    let current = next.current().map(|current| current.entry_id);
    next.queue.relocate(from, to);
    follow(next, current);
    Ok(())
}

pub(super) fn set_shuffle(next: &mut PlaybackState, shuffle: bool, scene: &Scene<'_>) {
    if shuffle == next.shuffle {
        return;
    }
    let current = next.current().map(|current| current.entry_id);
    next.shuffle = shuffle;
    if shuffle {
        next.queue.shuffle(next.index.map(|index| index as usize), scene.seed);
    } else {
        next.queue.unshuffle();
    }
    follow(next, current);
}

/// The same entry stays current, wherever it stands.
fn follow(next: &mut PlaybackState, current: Option<EntryId>) {
    let index = current.and_then(|entry| next.queue.position(entry));
    next.index = index.and_then(|index| u32::try_from(index).ok());
}

fn clear(next: &mut PlaybackState, scene: &Scene<'_>) {
    next.queue = std::iter::empty().collect();
    next.index = None;
    next.play_id = None;
    next.playing = false;
    next.position_ms = PositionMs::ZERO;
    next.at_us = scene.now.as_microsecond();
}

fn entries(tracks: &[TrackId], scene: &Scene<'_>) -> impl Iterator<Item = QueueEntry> {
    scene.entries.iter().zip(tracks).map(|(entry, track)| QueueEntry::new(*entry, *track))
}
