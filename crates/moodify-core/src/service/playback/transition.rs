//! The rules of playback as one pure function: a state and an operation give the next state.

use jiff::Timestamp;

use super::Refusal;
use crate::model::{Cause, EntryId, Operation, PlaybackState, PositionMs, QueueEntry, TrackId};

/// What an operation meets besides the state.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// This moment.
    pub now: Timestamp,
    /// When a start that is ordered now is due.
    pub start_at: Timestamp,
    /// The device that asks, and the command it asks with.
    pub cause: Cause,
    /// Whether the device that makes sound is connected.
    pub active_is_online: bool,
    /// The identifier of a queue entry, should the operation make one.
    pub new_entry: EntryId,
}

/// The state after the operation: always the next revision of the same epoch.
pub(super) fn transition(
    state: &PlaybackState,
    operation: Operation,
    scene: &Scene,
) -> Result<PlaybackState, Refusal> {
    let mut next = state.clone();
    match operation {
        Operation::Play { track_id, position_ms } => play(&mut next, track_id, position_ms, scene)?,
        Operation::Pause => {
            next.position_ms = state.position_at(scene.now);
            next.playing = false;
            next.at_us = scene.now.as_microsecond();
        }
        Operation::Seek { position_ms } => {
            require_track(state)?;
            // While it plays, all devices jump together, as at a start.
            let at = if state.playing { scene.start_at } else { scene.now };
            next.position_ms = position_ms;
            next.at_us = at.as_microsecond();
        }
    }
    next.rev = state.rev + 1;
    next.cause = Some(scene.cause.clone());
    Ok(next)
}

fn play(
    next: &mut PlaybackState,
    track: Option<TrackId>,
    position: Option<PositionMs>,
    scene: &Scene,
) -> Result<(), Refusal> {
    match track {
        // As if nothing had been asked, playback goes on: the place it will have reached by then.
        None => next.position_ms = position.unwrap_or_else(|| next.position_at(scene.start_at)),
        Some(track) => {
            jump_to(next, track, scene.new_entry);
            next.position_ms = position.unwrap_or(PositionMs::ZERO);
        }
    }
    require_track(next)?;
    next.playing = true;
    next.at_us = scene.start_at.as_microsecond();
    if !scene.active_is_online {
        next.active_device.clone_from(&scene.cause.device_id);
    }
    Ok(())
}

fn jump_to(next: &mut PlaybackState, track: TrackId, new_entry: EntryId) {
    if let Some(place) = next.queue.iter().position(|entry| entry.track_id == track) {
        next.index = u32::try_from(place).ok();
    } else {
        next.queue = vec![QueueEntry { entry_id: new_entry, track_id: track }];
        next.queue_rev += 1;
        next.index = Some(0);
    }
}

fn require_track(state: &PlaybackState) -> Result<(), Refusal> {
    state.index.map(drop).ok_or(Refusal::NothingToPlay)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::model::{CommandId, DeviceId, Epoch};

    const LEAD: SignedDuration = SignedDuration::from_millis(150);

    fn id<T: From<Uuid>>(n: u128) -> T {
        Uuid::from_u128(n).into()
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn scene(now: Timestamp) -> Scene {
        Scene {
            now,
            start_at: now.saturating_add(LEAD).unwrap(),
            cause: Cause {
                command_id: CommandId::parse("c").unwrap(),
                device_id: Some(DeviceId::parse("phone").unwrap()),
            },
            active_is_online: false,
            new_entry: id(u128::try_from(now.as_microsecond()).unwrap_or(0)),
        }
    }

    fn position(ms: u32) -> PositionMs {
        PositionMs::saturating(ms)
    }

    fn empty() -> PlaybackState {
        PlaybackState::initial(Epoch::from(Uuid::nil()), at(0))
    }

    fn play(track: Option<u128>, position_ms: Option<u32>) -> Operation {
        Operation::Play { track_id: track.map(id), position_ms: position_ms.map(position) }
    }

    #[test]
    fn play_schedules_the_track_for_all_devices() {
        let state = transition(&empty(), play(Some(7), None), &scene(at(1_000))).unwrap();
        assert_eq!(state.queue.iter().map(|e| e.track_id).collect::<Vec<_>>(), [id(7)]);
        assert_eq!((state.rev, state.queue_rev, state.index, state.playing), (1, 1, Some(0), true));
        assert_eq!((state.position_ms, state.at_us), (PositionMs::ZERO, 1_150_000));
        assert_eq!(state.active_device, Some(DeviceId::parse("phone").unwrap()));
        assert_eq!(state.cause, Some(scene(at(1_000)).cause));
    }

    #[test]
    fn pause_and_play_go_on_where_it_was() {
        let playing = transition(&empty(), play(Some(7), None), &scene(at(0))).unwrap();
        let paused = transition(&playing, Operation::Pause, &scene(at(5_150))).unwrap();
        assert_eq!((paused.position_ms, paused.playing, paused.at_us), (position(5_000), false, 5_150_000));
        let again = transition(&paused, play(None, None), &scene(at(60_000))).unwrap();
        assert_eq!((again.position_ms, again.playing, again.at_us), (position(5_000), true, 60_150_000));
        assert_eq!(again.queue, playing.queue);
    }

    #[test]
    fn pause_before_a_scheduled_start_keeps_the_start() {
        let playing = transition(&empty(), play(Some(7), Some(9_000)), &scene(at(0))).unwrap();
        let paused = transition(&playing, Operation::Pause, &scene(at(100))).unwrap();
        assert_eq!(paused.position_ms, position(9_000));
    }

    #[test]
    fn play_while_playing_is_not_heard() {
        let playing = transition(&empty(), play(Some(7), None), &scene(at(0))).unwrap();
        let again = transition(&playing, play(None, None), &scene(at(1_000))).unwrap();
        for moment in [at(1_150), at(2_000), at(3_500)] {
            assert_eq!(again.position_at(moment), playing.position_at(moment));
        }
    }

    #[test]
    fn play_finds_a_track_in_the_queue() {
        let mut state = transition(&empty(), play(Some(7), None), &scene(at(0))).unwrap();
        state.queue.push(QueueEntry { entry_id: id(50), track_id: id(8) });
        let jumped = transition(&state, play(Some(8), Some(300)), &scene(at(10))).unwrap();
        assert_eq!((jumped.index, jumped.queue_rev, jumped.position_ms), (Some(1), 1, position(300)));
        assert_eq!(jumped.queue, state.queue);
    }

    #[test]
    fn seek_jumps_at_once_when_paused_and_together_when_playing() {
        let playing = transition(&empty(), play(Some(7), None), &scene(at(0))).unwrap();
        let seek = Operation::Seek { position_ms: position(42_000) };
        let sought = transition(&playing, seek, &scene(at(1_000))).unwrap();
        assert_eq!((sought.position_ms, sought.at_us, sought.playing), (position(42_000), 1_150_000, true));
        let paused = transition(&playing, Operation::Pause, &scene(at(1_000))).unwrap();
        let sought = transition(&paused, seek, &scene(at(2_000))).unwrap();
        assert_eq!((sought.position_ms, sought.at_us, sought.playing), (position(42_000), 2_000_000, false));
    }

    #[test]
    fn without_a_track_nothing_plays() {
        for operation in [play(None, None), play(None, Some(5)), Operation::Seek { position_ms: position(5) }]
        {
            assert_eq!(transition(&empty(), operation, &scene(at(0))), Err(Refusal::NothingToPlay));
        }
        assert!(transition(&empty(), Operation::Pause, &scene(at(0))).is_ok());
    }

    #[test]
    fn sound_stays_where_it_is_unless_that_device_is_gone() {
        let mut state = transition(&empty(), play(Some(7), None), &scene(at(0))).unwrap();
        state.active_device = Some(DeviceId::parse("speaker").unwrap());
        let there = Scene { active_is_online: true, ..scene(at(10)) };
        let next = transition(&state, play(None, None), &there).unwrap();
        assert_eq!(next.active_device, state.active_device);
        let next = transition(&state, play(None, None), &scene(at(10))).unwrap();
        assert_eq!(next.active_device, Some(DeviceId::parse("phone").unwrap()));
    }

    fn operations() -> impl Strategy<Value = Operation> {
        let place = prop::option::of(0..=PositionMs::MAX.as_ms());
        prop_oneof![
            (prop::option::of(1..4u128), place).prop_map(|(track, place)| play(track, place)),
            Just(Operation::Pause),
            (0..=PositionMs::MAX.as_ms()).prop_map(|ms| Operation::Seek { position_ms: position(ms) }),
        ]
    }

    proptest! {
        // Clocks may also step back: the history may not care.
        #[test]
        fn every_history_is_sound(steps in prop::collection::vec((operations(), -500_000..5_000_000i64), 1..60)) {
            let mut state = empty();
            let mut now = at(0);
            for (operation, passed_us) in steps {
                now += SignedDuration::from_micros(passed_us);
                let Ok(next) = transition(&state, operation, &scene(now)) else {
                    prop_assert_eq!(state.index, None);
                    continue;
                };
                prop_assert_eq!(next.epoch, state.epoch);
                prop_assert_eq!(next.rev, state.rev + 1);
                prop_assert_eq!(next.queue_rev > state.queue_rev, next.queue != state.queue);
                prop_assert!(next.position_ms <= PositionMs::MAX);
                prop_assert!(next.at_us <= scene(now).start_at.as_microsecond());
                prop_assert_eq!(next.index.is_none(), next.queue.is_empty());
                prop_assert!(next.index.is_none_or(|index| (index as usize) < next.queue.len()));
                prop_assert!(!next.playing || next.index.is_some());
                let mut place = PositionMs::ZERO;
                for later in [0, 150, 1_000, 60_000] {
                    let reached = next.position_at(now + SignedDuration::from_millis(later));
                    prop_assert!(place <= reached);
                    place = reached;
                }
                state = next;
            }
        }

        #[test]
        fn a_pause_keeps_the_place(place in 0..1_000_000u32, passed in 0..10_000_000i64, rest in 0..10_000_000i64) {
            let playing = transition(&empty(), play(Some(1), Some(place)), &scene(at(0))).unwrap();
            let now = at(0) + SignedDuration::from_micros(passed);
            let paused = transition(&playing, Operation::Pause, &scene(now)).unwrap();
            prop_assert_eq!(paused.position_ms, playing.position_at(now));
            prop_assert_eq!(paused.position_at(now + SignedDuration::from_micros(rest)), paused.position_ms);
        }
    }
}
