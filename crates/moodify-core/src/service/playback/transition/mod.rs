//! The rules of playback as pure functions: a state and what happens give the next state.

mod devices;
mod queue;
mod time;

use std::time::Duration;

use jiff::Timestamp;

use super::Refusal;
use crate::model::{Cause, DeviceId, EntryId, Operation, PlayId, PlaybackState, PositionMs};

pub(super) use devices::{abandoned, overdue, ready};
pub(super) use time::resumed;

/// What a change meets besides the state.
#[derive(Clone, Debug)]
pub(super) struct Scene<'a> {
    /// This moment.
    pub now: Timestamp,
    /// When a start that is ordered now is due.
    pub start_at: Timestamp,
    /// The device that asks, and the command it asks with.
    pub cause: Cause,
    /// The devices that are connected.
    pub online: &'a [DeviceId],
    /// The devices that may have a volume.
    pub known: &'a [DeviceId],
    /// The identifiers of queue entries, as many as the operation may add.
    pub entries: &'a [EntryId],
    /// The identifier of a run through a track, should one begin.
    pub play_id: PlayId,
    /// How the queue is mixed, should it be.
    pub seed: u64,
    /// How many entries a queue may have.
    pub max_queue: usize,
    /// How long devices have to become ready for the sound.
    pub handover: Duration,
}

/// The state after the operation: always the next revision of the same epoch.
pub(super) fn transition(
    state: &PlaybackState,
    operation: &Operation,
    scene: &Scene<'_>,
) -> Result<PlaybackState, Refusal> {
    let mut next = state.clone();
    match operation {
        Operation::Play { what, position_ms } => time::play(&mut next, *what, *position_ms, scene)?,
        Operation::Pause => time::pause_at(&mut next, scene.now, scene),
        Operation::Seek { position_ms } => time::seek(&mut next, *position_ms, scene)?,
        Operation::Next { ended, from } => time::next(&mut next, *ended, *from, scene)?,
        Operation::Previous => time::previous(&mut next, scene)?,
        Operation::SetRate { rate } => time::set_rate(&mut next, *rate, scene),
        Operation::SetRepeat { repeat } => next.repeat = *repeat,
        Operation::SetQueue { tracks, index, position_ms, play } => {
            queue::set(&mut next, tracks, (*index, *position_ms), *play, scene)?;
        }
        Operation::QueueAdd { tracks, position } => queue::add(&mut next, tracks, *position, scene)?,
        Operation::QueueRemove { entries } => queue::remove(&mut next, entries, scene)?,
        Operation::QueueMove { entry, index } => queue::relocate(&mut next, *entry, *index)?,
        Operation::SetShuffle { shuffle } => queue::set_shuffle(&mut next, *shuffle, scene),
        Operation::SetVolume { volume, device } => {
            devices::set_volume(&mut next, *volume, device.as_ref(), scene)?;
        }
        Operation::Transfer { to } => devices::transfer(&mut next, to, scene)?,
    }
    Ok(following(state, next, scene.cause.clone()))
}

/// Counts on.
fn following(state: &PlaybackState, mut next: PlaybackState, cause: Cause) -> PlaybackState {
    next.rev = state.rev + 1;
    if next.queue != state.queue {
        next.queue_rev = state.queue_rev + 1;
    }
    next.cause = Some(cause);
    next
}

/// Goes to a place in an entry, as a new run through its track. While it plays, all devices jump
/// together, as at a start.
fn begin(next: &mut PlaybackState, index: usize, position: PositionMs, scene: &Scene<'_>) {
    next.index = u32::try_from(index).ok();
    next.play_id = Some(scene.play_id.clone());
    go_on_from(next, position, scene);
}

fn go_on_from(next: &mut PlaybackState, position: PositionMs, scene: &Scene<'_>) {
    let at = if next.playing { scene.start_at } else { scene.now };
    next.position_ms = position;
    next.at_us = at.as_microsecond();
}

fn current_index(state: &PlaybackState) -> Result<usize, Refusal> {
    state.index.map(|index| index as usize).ok_or(Refusal::NothingToPlay)
}

#[cfg(test)]
mod histories;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod tests;
