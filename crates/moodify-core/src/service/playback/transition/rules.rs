//! The rules one by one, as examples.

use super::tests::{at, empty, id, position, scene};
use super::*;
use crate::model::{
    CommandId, EntryId, PlayWhat, PlaybackMode, QueuePosition, Rate, Repeat, TrackId, Volume,
};

fn queue_of(count: u128, index: usize) -> PlaybackState {
    let tracks = (1..=count).map(id).collect();
    let set = Operation::SetQueue { tracks, index, position_ms: PositionMs::ZERO, play: Some(true) };
    transition(&empty(), &set, &scene(at(0))).unwrap()
}

fn apply(state: &PlaybackState, operation: Operation, ms: i64) -> PlaybackState {
    transition(state, &operation, &scene(at(ms))).unwrap()
}

fn refused(state: &PlaybackState, operation: &Operation) -> Refusal {
    transition(state, operation, &scene(at(9))).unwrap_err()
}

fn tracks(state: &PlaybackState) -> Vec<u128> {
    state.queue.iter().map(|entry| entry.track_id.as_uuid().as_u128()).collect()
}

fn current(state: &PlaybackState) -> u128 {
    state.current().unwrap().track_id.as_uuid().as_u128()
}

fn next(ended: bool) -> Operation {
    Operation::Next { ended, from: None }
}

fn add(track: u128, position: QueuePosition) -> Operation {
    Operation::QueueAdd { tracks: vec![id(track)], position }
}

fn device(name: &str) -> DeviceId {
    DeviceId::parse(name).unwrap()
}

fn transfer(to: &[&str]) -> Operation {
    Operation::Transfer { to: to.iter().map(|name| device(name)).collect() }
}

#[test]
fn next_goes_on_and_stops_after_the_last() {
    let first = queue_of(2, 0);
    let second = apply(&first, next(true), 200_000);
    assert_eq!((current(&second), second.playing, second.at_us), (2, true, 200_150_000));
    assert_ne!(second.play_id, first.play_id);
    let over = apply(&second, next(true), 400_000);
    assert_eq!((current(&over), over.playing, over.position_ms), (1, false, PositionMs::ZERO));
    let round = apply(&apply(&second, Operation::SetRepeat { repeat: Repeat::All }, 1), next(true), 2);
    assert_eq!((current(&round), round.playing), (1, true));
}

#[test]
fn repeat_one_repeats_at_the_end_but_lets_the_listener_go_on() {
    let one = apply(&queue_of(2, 0), Operation::SetRepeat { repeat: Repeat::One }, 1);
    let again = apply(&one, next(true), 2);
    assert_eq!((current(&again), again.playing), (1, true));
    assert_ne!(again.play_id, one.play_id, "another play");
    assert_eq!(current(&apply(&one, next(false), 2)), 2);
}

#[test]
fn two_devices_that_see_one_end_skip_one_entry() {
    let first = queue_of(3, 0);
    let from = Some(first.current().unwrap().entry_id);
    let end = Operation::Next { ended: true, from };
    let second = apply(&first, end.clone(), 200_000);
    assert_eq!(refused(&second, &end), Refusal::Stale);
}

#[test]
fn previous_restarts_and_then_goes_back() {
    let second = queue_of(2, 1);
    let restarted = apply(&second, Operation::Previous, 150 + 3_001);
    assert_eq!((current(&restarted), restarted.position_ms), (2, PositionMs::ZERO));
    assert_eq!(current(&apply(&second, Operation::Previous, 150 + 3_000)), 1);
    let first = queue_of(2, 0);
    assert_eq!(current(&apply(&first, Operation::Previous, 1)), 1);
    let round = apply(&first, Operation::SetRepeat { repeat: Repeat::All }, 1);
    assert_eq!(current(&apply(&round, Operation::Previous, 2)), 2);
}

#[test]
fn the_current_entry_stays_when_others_join() {
    let state = queue_of(3, 1);
    let cases = [
        (QueuePosition::Next, vec![1, 2, 9, 3], 1),
        (QueuePosition::End, vec![1, 2, 3, 9], 1),
        (QueuePosition::Index(0), vec![9, 1, 2, 3], 2),
        (QueuePosition::Index(1), vec![1, 9, 2, 3], 2),
        (QueuePosition::Index(3), vec![1, 2, 3, 9], 1),
    ];
    for (position, order, index) in cases {
        let more = apply(&state, add(9, position), 1);
        assert_eq!((tracks(&more), more.index), (order, Some(index)), "{position:?}");
        assert_eq!((more.play_id, more.at_us, more.queue_rev), (state.play_id.clone(), state.at_us, 2));
    }
    assert_eq!(refused(&state, &add(9, QueuePosition::Index(4))), Refusal::OutOfRange);
}

#[test]
fn what_joins_an_empty_queue_waits() {
    let state = apply(&empty(), add(9, QueuePosition::Next), 1);
    assert_eq!((tracks(&state), state.index, state.playing), (vec![9], Some(0), false));
}

#[test]
fn the_entry_after_a_removed_one_plays() {
    let state = queue_of(3, 1);
    let entry = |n: usize| state.queue[n].entry_id;
    let without =
        |entries: &[EntryId]| apply(&state, Operation::QueueRemove { entries: entries.to_vec() }, 1);
    let before = without(&[entry(0)]);
    assert_eq!((current(&before), before.index, &before.play_id), (2, Some(0), &state.play_id));
    let itself = without(&[entry(1)]);
    assert_eq!((current(&itself), itself.playing, itself.position_ms), (3, true, PositionMs::ZERO));
    let to_the_end = without(&[entry(1), entry(2)]);
    assert_eq!((current(&to_the_end), to_the_end.playing), (1, false));
    let all = without(&[entry(0), entry(1), entry(2)]);
    assert_eq!((all.index, all.playing, all.play_id), (None, false, None));
    let unknown = Operation::QueueRemove { entries: vec![entry(0), id(77)] };
    assert_eq!(refused(&state, &unknown), Refusal::UnknownEntry);
}

#[test]
fn the_current_entry_moves_with_the_queue() {
    let state = queue_of(4, 1);
    let moved = |from: usize, to: usize| {
        apply(&state, Operation::QueueMove { entry: state.queue[from].entry_id, index: to }, 1)
    };
    for (from, to, order, index) in [
        (0, 3, vec![2, 3, 4, 1], 0),
        (3, 0, vec![4, 1, 2, 3], 2),
        (1, 3, vec![1, 3, 4, 2], 3),
        (2, 3, vec![1, 2, 4, 3], 1),
    ] {
        let after = moved(from, to);
        assert_eq!((tracks(&after), after.index), (order, Some(index)), "{from} to {to}");
    }
    let entry = state.queue[0].entry_id;
    assert_eq!(refused(&state, &Operation::QueueMove { entry, index: 4 }), Refusal::OutOfRange);
    assert_eq!(refused(&state, &Operation::QueueMove { entry: id(77), index: 0 }), Refusal::UnknownEntry);
    let play = Operation::Play { what: Some(PlayWhat::Entry(id(77))), position_ms: None };
    assert_eq!(refused(&state, &play), Refusal::UnknownEntry);
}

#[test]
fn a_queue_has_an_end() {
    let many = |count: u128| (0..count).map(id).collect::<Vec<TrackId>>();
    let set =
        |tracks, index| Operation::SetQueue { tracks, index, position_ms: PositionMs::ZERO, play: None };
    assert_eq!(refused(&empty(), &set(many(101), 0)), Refusal::QueueFull);
    assert_eq!(refused(&empty(), &set(many(3), 3)), Refusal::OutOfRange);
    let full = apply(&empty(), set(many(100), 99), 1);
    assert_eq!(refused(&full, &add(9, QueuePosition::End)), Refusal::QueueFull);
    assert!(apply(&full, set(vec![], 0), 2).queue.is_empty());
}

#[test]
fn the_rate_changes_without_a_jump() {
    let state = queue_of(1, 0);
    let fast = apply(&state, Operation::SetRate { rate: Rate::MAX }, 10_000);
    assert_eq!((fast.position_ms, fast.at_us), (position(10_000), 10_150_000));
    assert_eq!(fast.position_at(at(11_150)), position(12_000));
}

#[test]
fn a_volume_belongs_to_a_known_device() {
    let volume = Volume::try_from(40).unwrap();
    let loud = |device: Option<&str>| Operation::SetVolume { volume, device: device.map(self::device) };
    let state = apply(&apply(&empty(), loud(None), 1), loud(Some("tablet")), 2);
    assert_eq!(state.volumes.keys().map(DeviceId::as_str).collect::<Vec<_>>(), ["phone", "tablet"]);
    assert_eq!(refused(&state, &loud(Some("fridge"))), Refusal::UnknownDevice);
    let forgotten = Scene { known: &scene(at(3)).known[..1], ..scene(at(3)) };
    let fewer = transition(&state, &loud(None), &forgotten).unwrap();
    assert_eq!(fewer.volumes.len(), 1);
}

#[test]
fn sound_moves_when_the_other_device_is_ready() {
    let state = queue_of(1, 0);
    let asked = apply(&state, transfer(&["speaker"]), 1_000);
    let waiting = asked.transfer.clone().unwrap();
    assert_eq!((&waiting.to, waiting.until_us), (&vec![device("speaker")], 4_000_000));
    assert_eq!((asked.active_device.as_ref(), asked.playing), (Some(&device("phone")), true));

    let answer = |device_id: &str, command: &str| {
        ready(&asked, &device(device_id), CommandId::parse(command).ok().as_ref(), &scene(at(1_500)))
    };
    assert_eq!(answer("phone", "c").unwrap_err(), Refusal::NoTransfer);
    assert_eq!(answer("speaker", "another").unwrap_err(), Refusal::NoTransfer);
    let moved = answer("speaker", "c").unwrap();
    assert_eq!((moved.active_device, moved.transfer), (Some(device("speaker")), None));
    assert_eq!((moved.position_ms, moved.at_us), (position(1_500), 1_650_000));
    assert_eq!(moved.play_id, state.play_id, "it is the same play");
}

#[test]
fn an_unanswered_transfer_is_undone() {
    let state = queue_of(1, 0);
    let asked = apply(&state, transfer(&["speaker"]), 1_000);
    assert_eq!(overdue(&asked, &scene(at(3_999))), None);
    let undone = overdue(&asked, &scene(at(4_000))).unwrap();
    assert_eq!((undone.transfer, undone.rev), (None, asked.rev + 1));
    assert_eq!((&undone.active_device, undone.at_us), (&state.active_device, state.at_us));
    assert_eq!(refused(&state, &transfer(&["tablet"])), Refusal::DeviceOffline);
}

#[test]
fn a_group_is_those_who_answer() {
    let state = queue_of(1, 0);
    let asked = apply(&state, transfer(&["phone", "speaker"]), 1_000);
    assert_eq!(asked.transfer.as_ref().unwrap().ready, [device("phone")], "it plays already");
    let together = ready(&asked, &device("speaker"), None, &scene(at(1_200))).unwrap();
    assert_eq!((together.mode, together.group.len()), (PlaybackMode::Group, 2));
    assert_eq!(together.active_device, Some(device("phone")));
    let alone = overdue(&asked, &scene(at(4_000))).unwrap();
    assert_eq!((alone.mode, alone.active_device), (PlaybackMode::Single, Some(device("phone"))));

    let back = apply(&together, transfer(&["speaker"]), 2_000);
    assert_eq!(
        (back.mode, back.active_device, back.transfer),
        (PlaybackMode::Single, Some(device("speaker")), None)
    );
}

#[test]
fn a_device_that_stays_away_stops_or_hands_on() {
    let state = queue_of(1, 0);
    assert_eq!(abandoned(&state, at(5_000), &scene(at(20_000))), None, "it is there");
    let nobody = Scene { online: &[], ..scene(at(20_000)) };
    let paused = abandoned(&state, at(5_150), &nobody).unwrap();
    assert_eq!((paused.playing, paused.position_ms, paused.at_us), (false, position(5_000), 20_000_000));
    assert_eq!(abandoned(&paused, at(5_150), &nobody), None);

    let asked = apply(&state, transfer(&["phone", "speaker"]), 1_000);
    let together = ready(&asked, &device("speaker"), None, &scene(at(1_200))).unwrap();
    let there = [device("speaker")];
    let led = abandoned(&together, at(5_000), &Scene { online: &there, ..scene(at(20_000)) }).unwrap();
    assert_eq!((led.playing, led.active_device), (true, Some(device("speaker"))));
}
