//! What plays, and where in it.

use jiff::Timestamp;

use super::{Scene, begin, current_index, devices, following, go_on_from, queue};
use crate::model::{EntryId, PlayWhat, PlaybackState, PositionMs, Rate, Repeat};
use crate::service::playback::Refusal;

/// From here on "previous" means the start of the same track, as on most players.
const RESTART_AFTER: PositionMs = PositionMs::from_secs(3);

pub(super) fn play(
    next: &mut PlaybackState,
    what: Option<PlayWhat>,
    position: Option<PositionMs>,
    scene: &Scene<'_>,
) -> Result<(), Refusal> {
    let index = match what {
        None => {
            current_index(next)?;
            // As if nothing had been asked, playback goes on: the place it will have reached.
            let reached = next.position_at(scene.start_at);
            next.playing = true;
            go_on_from(next, position.unwrap_or(reached), scene);
            devices::take_up(next, scene);
            return Ok(());
        }
        Some(PlayWhat::Entry(entry)) => next.queue.position(entry).ok_or(Refusal::UnknownEntry)?,
        Some(PlayWhat::Track(track)) => match next.queue.iter().position(|entry| entry.track_id == track) {
            Some(index) => index,
            None => {
                queue::replace(next, &[track], scene)?;
                0
            }
        },
    };
    next.playing = true;
    begin(next, index, position.unwrap_or_default(), scene);
    devices::take_up(next, scene);
    Ok(())
}

/// Time stands still where it was at this moment.
pub(super) fn pause_at(next: &mut PlaybackState, moment: Timestamp, scene: &Scene<'_>) {
    let reached = next.position_at(moment);
    next.playing = false;
    go_on_from(next, reached, scene);
}

/// Time goes on from this place: its moment is one of a clock that was set back since.
pub(in super::super) fn resumed(
    state: &PlaybackState,
    place: PositionMs,
    scene: &Scene<'_>,
) -> PlaybackState {
    let mut next = state.clone();
    go_on_from(&mut next, place, scene);
    following(state, next, scene.cause.clone())
}

pub(super) fn seek(next: &mut PlaybackState, position: PositionMs, scene: &Scene<'_>) -> Result<(), Refusal> {
    current_index(next)?;
    go_on_from(next, position, scene);
    Ok(())
}

pub(super) fn next(
    next: &mut PlaybackState,
    ended: bool,
    from: Option<EntryId>,
    scene: &Scene<'_>,
) -> Result<(), Refusal> {
    let index = current_index(next)?;
    // Somebody else was faster: two devices that see a track end skip one entry, not two.
    if from.is_some_and(|from| next.current().is_none_or(|current| current.entry_id != from)) {
        return Err(Refusal::Stale);
    }
    let following = if ended && next.repeat == Repeat::One {
        index
    } else if index + 1 < next.queue.len() {
        index + 1
    } else {
        next.playing &= next.repeat != Repeat::Off;
        0
    };
    begin(next, following, PositionMs::ZERO, scene);
    Ok(())
}

pub(super) fn previous(next: &mut PlaybackState, scene: &Scene<'_>) -> Result<(), Refusal> {
    let index = current_index(next)?;
    let before = if next.position_at(scene.now) > RESTART_AFTER {
        index
    } else if index == 0 && next.repeat == Repeat::All {
        next.queue.len() - 1
    } else {
        index.saturating_sub(1)
    };
    begin(next, before, PositionMs::ZERO, scene);
    Ok(())
}

pub(super) fn set_rate(next: &mut PlaybackState, rate: Rate, scene: &Scene<'_>) {
    // At the old rate until all devices change together.
    let reached = next.position_at(if next.playing { scene.start_at } else { scene.now });
    next.rate = rate;
    go_on_from(next, reached, scene);
}
