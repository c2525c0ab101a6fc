use jiff::SignedDuration;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::model::{CommandId, DeviceId, Epoch, PlayWhat, QueueEntry};

const LEAD: SignedDuration = SignedDuration::from_millis(150);

pub(super) fn id<T: From<Uuid>>(n: u128) -> T {
    Uuid::from_u128(n).into()
}

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

/// What the phone meets: phone and speaker are connected, the tablet is known.
pub(super) fn scene(now: Timestamp) -> Scene<'static> {
    static DEVICES: std::sync::LazyLock<Vec<DeviceId>> =
        std::sync::LazyLock::new(|| ["phone", "speaker", "tablet"].map(device).to_vec());
    static ENTRIES: std::sync::LazyLock<Vec<EntryId>> =
        std::sync::LazyLock::new(|| (1_000..1_100).map(id).collect());
    Scene {
        now,
        start_at: now.saturating_add(LEAD).unwrap(),
        cause: Cause { command_id: CommandId::parse("c").unwrap(), device_id: Some(device("phone")) },
        online: &DEVICES[..2],
        known: &DEVICES,
        entries: &ENTRIES,
        play_id: Uuid::from_u128(u128::try_from(now.as_microsecond()).unwrap_or(0)).into(),
        seed: 5,
        max_queue: 100,
        handover: std::time::Duration::from_secs(3),
    }
}

fn device(name: &str) -> DeviceId {
    DeviceId::parse(name).unwrap()
}

pub(super) fn position(ms: u32) -> PositionMs {
    PositionMs::saturating(ms)
}

pub(super) fn empty() -> PlaybackState {
    PlaybackState::initial(Epoch::from(Uuid::nil()), at(0))
}

fn play(track: Option<u128>, position_ms: Option<u32>) -> Operation {
    let what = track.map(|track| PlayWhat::Track(id(track)));
    Operation::Play { what, position_ms: position_ms.map(position) }
}

#[test]
fn play_schedules_the_track_for_all_devices() {
    let state = transition(&empty(), &play(Some(7), None), &scene(at(1_000))).unwrap();
    assert_eq!(state.queue.iter().map(|e| e.track_id).collect::<Vec<_>>(), [id(7)]);
    assert_eq!((state.rev, state.queue_rev, state.index, state.playing), (1, 1, Some(0), true));
    assert_eq!((state.position_ms, state.at_us), (PositionMs::ZERO, 1_150_000));
    assert_eq!(state.active_device, Some(DeviceId::parse("phone").unwrap()));
    assert_eq!(state.cause, Some(scene(at(1_000)).cause));
}

#[test]
fn pause_and_play_go_on_where_it_was() {
    let playing = transition(&empty(), &play(Some(7), None), &scene(at(0))).unwrap();
    let paused = transition(&playing, &Operation::Pause, &scene(at(5_150))).unwrap();
    assert_eq!((paused.position_ms, paused.playing, paused.at_us), (position(5_000), false, 5_150_000));
    let again = transition(&paused, &play(None, None), &scene(at(60_000))).unwrap();
    assert_eq!((again.position_ms, again.playing, again.at_us), (position(5_000), true, 60_150_000));
    assert_eq!(again.queue, playing.queue);
}

#[test]
fn pause_before_a_scheduled_start_keeps_the_start() {
    let playing = transition(&empty(), &play(Some(7), Some(9_000)), &scene(at(0))).unwrap();
    let paused = transition(&playing, &Operation::Pause, &scene(at(100))).unwrap();
    assert_eq!(paused.position_ms, position(9_000));
}

#[test]
fn play_while_playing_is_not_heard() {
    let playing = transition(&empty(), &play(Some(7), None), &scene(at(0))).unwrap();
    let again = transition(&playing, &play(None, None), &scene(at(1_000))).unwrap();
    for moment in [at(1_150), at(2_000), at(3_500)] {
        assert_eq!(again.position_at(moment), playing.position_at(moment));
    }
}

#[test]
fn play_finds_a_track_in_the_queue() {
    let mut state = transition(&empty(), &play(Some(7), None), &scene(at(0))).unwrap();
    state.queue.insert(1, [QueueEntry::new(id(50), id(8))]);
    let jumped = transition(&state, &play(Some(8), Some(300)), &scene(at(10))).unwrap();
    assert_eq!((jumped.index, jumped.queue_rev, jumped.position_ms), (Some(1), 1, position(300)));
    assert_eq!(jumped.queue, state.queue);
}

#[test]
fn seek_jumps_at_once_when_paused_and_together_when_playing() {
    let playing = transition(&empty(), &play(Some(7), None), &scene(at(0))).unwrap();
    let seek = Operation::Seek { position_ms: position(42_000) };
    let sought = transition(&playing, &seek, &scene(at(1_000))).unwrap();
    assert_eq!((sought.position_ms, sought.at_us, sought.playing), (position(42_000), 1_150_000, true));
    let paused = transition(&playing, &Operation::Pause, &scene(at(1_000))).unwrap();
    let sought = transition(&paused, &seek, &scene(at(2_000))).unwrap();
    assert_eq!((sought.position_ms, sought.at_us, sought.playing), (position(42_000), 2_000_000, false));
}

#[test]
fn without_a_track_nothing_plays() {
    for operation in [play(None, None), play(None, Some(5)), Operation::Seek { position_ms: position(5) }] {
        assert_eq!(transition(&empty(), &operation, &scene(at(0))), Err(Refusal::NothingToPlay));
    }
    assert!(transition(&empty(), &Operation::Pause, &scene(at(0))).is_ok());
}

#[test]
fn sound_stays_where_it_is_unless_that_device_is_gone() {
    let mut state = transition(&empty(), &play(Some(7), None), &scene(at(0))).unwrap();
    state.active_device = Some(DeviceId::parse("speaker").unwrap());
    let next = transition(&state, &play(None, None), &scene(at(10))).unwrap();
    assert_eq!(next.active_device, state.active_device);
    let alone = Scene { online: &scene(at(10)).online[..1], ..scene(at(10)) };
    let next = transition(&state, &play(None, None), &alone).unwrap();
    assert_eq!(next.active_device, Some(device("phone")));
}

proptest! {
    #[test]
    fn a_pause_keeps_the_place(place in 0..1_000_000u32, passed in 0..10_000_000i64, rest in 0..10_000_000i64) {
        let playing = transition(&empty(), &play(Some(1), Some(place)), &scene(at(0))).unwrap();
        let now = at(0) + SignedDuration::from_micros(passed);
        let paused = transition(&playing, &Operation::Pause, &scene(now)).unwrap();
        prop_assert_eq!(paused.position_ms, playing.position_at(now));
        prop_assert_eq!(paused.position_at(now + SignedDuration::from_micros(rest)), paused.position_ms);
    }
}
