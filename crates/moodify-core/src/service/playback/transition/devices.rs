//! Who makes the sound.

use jiff::Timestamp;

use super::{Scene, following, go_on_from, time};
use crate::model::{
    CLOCKS_APART, CommandId, DeviceId, PlaybackMode, PlaybackState, Transfer, Volume, is_due_within, later,
};
use crate::service::playback::Refusal;

pub(super) fn set_volume(
    next: &mut PlaybackState,
    volume: Volume,
    device: Option<&DeviceId>,
    scene: &Scene<'_>,
) -> Result<(), Refusal> {
    let device = device.or(scene.cause.device_id.as_ref()).filter(|device| scene.known.contains(device));
    let device = device.ok_or(Refusal::UnknownDevice)?;
    // Those of forgotten devices go: there are never more than devices.
    next.volumes.retain(|device, _| scene.known.contains(device));
    next.volumes.insert(device.clone(), volume);
    Ok(())
}

pub(super) fn transfer(next: &mut PlaybackState, to: &[DeviceId], scene: &Scene<'_>) -> Result<(), Refusal> {
    if to.is_empty() || to.iter().any(|device| !scene.online.contains(device)) {
        return Err(Refusal::DeviceOffline);
    }
    let mut devices: Vec<DeviceId> = Vec::with_capacity(to.len());
    for device in to {
        if !devices.contains(device) {
            devices.push(device.clone());
        }
    }
    let ready: Vec<_> = devices.iter().filter(|device| next.sounding().contains(device)).cloned().collect();
    if ready.len() == devices.len() {
        hand_over(next, devices, scene);
        return Ok(());
    }
    next.transfer = Some(Transfer {
        command_id: scene.cause.command_id.clone(),
        to: devices,
        ready,
        until_us: later(scene.now, scene.handover).as_microsecond(),
    });
    Ok(())
}

/// A device says that it can take the sound over.
pub(in super::super) fn ready(
    state: &PlaybackState,
    device: &DeviceId,
    command: Option<&CommandId>,
    scene: &Scene<'_>,
) -> Result<PlaybackState, Refusal> {
    let transfer = state.transfer.as_ref().filter(|transfer| {
        transfer.to.contains(device) && command.is_none_or(|command| *command == transfer.command_id)
    });
    let mut transfer = transfer.cloned().ok_or(Refusal::NoTransfer)?;
    if !transfer.ready.contains(device) {
        transfer.ready.push(device.clone());
    }
    let mut next = state.clone();
    if transfer.ready.len() == transfer.to.len() {
        hand_over(&mut next, transfer.to, scene);
    } else {
        next.transfer = Some(transfer);
    }
    Ok(following(state, next, scene.cause.clone()))
}

/// The time to become ready is over, if it is: the sound goes to those who are, or nowhere.
pub(in super::super) fn overdue(state: &PlaybackState, scene: &Scene<'_>) -> Option<PlaybackState> {
    let transfer = state.transfer.as_ref()?;
    let until = Timestamp::from_microsecond(transfer.until_us).unwrap_or(scene.now);
    if !is_due_within(until, scene.now, scene.handover + CLOCKS_APART) {
        return None;
    }
    let mut next = state.clone();
    let ready: Vec<_> =
        transfer.to.iter().filter(|device| transfer.ready.contains(device)).cloned().collect();
    if ready.is_empty() {
        next.transfer = None;
    } else {
        hand_over(&mut next, ready, scene);
    }
    Some(following(state, next, scene.cause.clone()))
}

/// Whoever makes the sound has been away since then, and for too long: another device of the group
/// leads, or time stands still where it was.
pub(in super::super) fn abandoned(
    state: &PlaybackState,
    left_at: Timestamp,
    scene: &Scene<'_>,
) -> Option<PlaybackState> {
    if !state.playing || state.active_device.as_ref().is_some_and(|active| scene.online.contains(active)) {
        return None;
    }
    let mut next = state.clone();
    if !lead(&mut next, scene) {
        time::pause_at(&mut next, left_at.min(scene.now), scene);
    }
    Some(following(state, next, scene.cause.clone()))
}

/// Somebody wants to hear it: if none of those who should is there, whoever asks makes the sound.
pub(super) fn take_up(next: &mut PlaybackState, scene: &Scene<'_>) {
    let is_there = next.active_device.as_ref().is_some_and(|active| scene.online.contains(active));
    if !is_there && !lead(next, scene) {
        next.active_device.clone_from(&scene.cause.device_id);
        next.mode = PlaybackMode::Single;
        next.group.clear();
    }
}

/// The first one of the group that is there leads.
fn lead(next: &mut PlaybackState, scene: &Scene<'_>) -> bool {
    let leader = next.group.iter().find(|device| scene.online.contains(device)).cloned();
    let found = leader.is_some();
    if found {
        next.active_device = leader;
    }
    found
}

fn hand_over(next: &mut PlaybackState, to: Vec<DeviceId>, scene: &Scene<'_>) {
    if next.playing {
        let reached = next.position_at(scene.start_at);
        go_on_from(next, reached, scene);
    }
    next.transfer = None;
    next.active_device = to.first().cloned();
    if to.len() > 1 {
        next.mode = PlaybackMode::Group;
        next.group = to;
    } else {
        next.mode = PlaybackMode::Single;
        next.group.clear();
    }
}
