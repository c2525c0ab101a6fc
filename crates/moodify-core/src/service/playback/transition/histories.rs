//! Random histories: whatever devices do, in whatever order, the state stays sound.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::tests::{at, empty, id, position, scene};
use super::*;
use crate::model::{
    EntryId, PlayWhat, PlaybackMode, QueueEntry, QueuePosition, Rate, Repeat, TrackId, Volume,
};

/// Something that happens. Entries are named by a number: which one that is, the queue says.
#[derive(Clone, Debug)]
enum Step {
    Operation(Operation),
    OnEntry(OnEntry, usize),
    Ready(usize, bool),
    Overdue,
    Abandoned(i64),
}

#[derive(Clone, Copy, Debug)]
enum OnEntry {
    Play,
    Next { ended: bool },
    Remove { also: usize },
    Move { to: usize },
}

fn device(n: usize) -> DeviceId {
    scene(at(0)).known[n % 3].clone()
}

fn tracks() -> impl Strategy<Value = Vec<TrackId>> {
    prop::collection::vec((1..6u128).prop_map(id), 0..12)
}

fn operations() -> impl Strategy<Value = Operation> {
    let place = || (0..=PositionMs::MAX.as_ms()).prop_map(position);
    let to = prop::collection::vec((0..3usize).prop_map(device), 0..4);
    let where_to = prop_oneof![
        Just(QueuePosition::Next),
        Just(QueuePosition::End),
        (0..15usize).prop_map(QueuePosition::Index)
    ];
    prop_oneof![
        (prop::option::of((1..4u128).prop_map(|n| PlayWhat::Track(id(n)))), prop::option::of(place()))
            .prop_map(|(what, position_ms)| Operation::Play { what, position_ms }),
        Just(Operation::Pause),
        place().prop_map(|position_ms| Operation::Seek { position_ms }),
        any::<bool>().prop_map(|ended| Operation::Next { ended, from: None }),
        Just(Operation::Previous),
        (tracks(), 0..12usize, place(), prop::option::of(any::<bool>())).prop_map(
            |(tracks, index, position_ms, play)| Operation::SetQueue { tracks, index, position_ms, play }
        ),
        (tracks(), where_to).prop_map(|(tracks, position)| Operation::QueueAdd { tracks, position }),
        (50..=200u32).prop_map(|percent| Operation::SetRate {
            rate: Rate::try_from(f64::from(percent) / 100.0).unwrap()
        }),
        prop::sample::select(vec![Repeat::Off, Repeat::One, Repeat::All])
            .prop_map(|repeat| Operation::SetRepeat { repeat }),
        any::<bool>().prop_map(|shuffle| Operation::SetShuffle { shuffle }),
        (0..=100u8, prop::option::of(0..3usize)).prop_map(|(volume, n)| Operation::SetVolume {
            volume: Volume::try_from(volume).unwrap(),
            device: n.map(device),
        }),
        to.prop_map(|to| Operation::Transfer { to }),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let on_entry = prop_oneof![
        Just(OnEntry::Play),
        any::<bool>().prop_map(|ended| OnEntry::Next { ended }),
        (0..20usize).prop_map(|also| OnEntry::Remove { also }),
        (0..20usize).prop_map(|to| OnEntry::Move { to }),
    ];
    prop_oneof![
        12 => operations().prop_map(Step::Operation),
        6 => (on_entry, 0..20usize).prop_map(|(what, n)| Step::OnEntry(what, n)),
        2 => (0..3usize, any::<bool>()).prop_map(|(n, named)| Step::Ready(n, named)),
        1 => Just(Step::Overdue),
        1 => (0..5_000_000i64).prop_map(Step::Abandoned),
    ]
}

fn resolve(state: &PlaybackState, what: OnEntry, n: usize) -> Operation {
    let entry = |n: usize| match state.queue.len() {
        0 => id(99),
        len => state.queue[n % len].entry_id,
    };
    match what {
        OnEntry::Play => Operation::Play { what: Some(PlayWhat::Entry(entry(n))), position_ms: None },
        OnEntry::Next { ended } => Operation::Next { ended, from: Some(entry(n)) },
        OnEntry::Remove { also } => Operation::QueueRemove { entries: vec![entry(n), entry(also)] },
        OnEntry::Move { to } => Operation::QueueMove { entry: entry(n), index: to },
    }
}

fn step(state: &PlaybackState, step: Step, scene: &Scene<'_>) -> Option<PlaybackState> {
    match step {
        Step::Operation(operation) => transition(state, &operation, scene).ok(),
        Step::OnEntry(what, n) => transition(state, &resolve(state, what, n), scene).ok(),
        Step::Ready(n, named) => {
            let command = state.transfer.as_ref().map(|transfer| &transfer.command_id).filter(|_| named);
            ready(state, &device(n), command, scene).ok()
        }
        Step::Overdue => overdue(state, scene),
        Step::Abandoned(ago) => abandoned(state, scene.now - SignedDuration::from_micros(ago), scene),
    }
}

fn assert_follows(
    next: &PlaybackState,
    state: &PlaybackState,
    scene: &Scene<'_>,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(next.epoch, state.epoch);
    prop_assert_eq!(next.rev, state.rev + 1);
    prop_assert_eq!(next.queue_rev, state.queue_rev + u64::from(next.queue != state.queue));
    prop_assert!(next.at_us <= scene.start_at.as_microsecond().max(state.at_us));
    let run = |state: &PlaybackState| (state.play_id.clone(), state.current().map(|entry| entry.entry_id));
    if next.play_id == state.play_id {
        prop_assert_eq!(run(next), run(state), "one run, one entry");
    }
    Ok(())
}

fn assert_sound(state: &PlaybackState) -> Result<(), TestCaseError> {
    prop_assert_eq!(state.index.is_none(), state.queue.is_empty());
    prop_assert_eq!(state.play_id.is_none(), state.queue.is_empty());
    prop_assert_eq!(state.current().is_none(), state.queue.is_empty());
    prop_assert!(!state.playing || state.index.is_some());
    prop_assert!(state.position_ms <= PositionMs::MAX);
    let entries: BTreeSet<EntryId> = state.queue.iter().map(|entry| entry.entry_id).collect();
    prop_assert_eq!(entries.len(), state.queue.len(), "entries are unique");
    let places: BTreeSet<_> = state.queue.iter().filter_map(|entry| entry.place).collect();
    let shuffled = if state.shuffle { state.queue.len() } else { 0 };
    prop_assert!(places.into_iter().eq(0..u32::try_from(shuffled).unwrap()), "places are a permutation");
    match state.mode {
        PlaybackMode::Single => prop_assert!(state.group.is_empty()),
        PlaybackMode::Group => {
            prop_assert!(state.group.len() > 1);
            prop_assert!(state.active_device.as_ref().is_some_and(|leader| state.group.contains(leader)));
        }
    }
    if let Some(transfer) = &state.transfer {
        prop_assert!(transfer.ready.len() < transfer.to.len());
        prop_assert!(transfer.ready.iter().all(|device| transfer.to.contains(device)));
    }
    prop_assert!(state.volumes.len() <= 3);
    Ok(())
}

proptest! {
    // Clocks may also step back: the history may not care.
    #[test]
    fn every_history_is_sound(
        steps in prop::collection::vec((steps(), -500_000..5_000_000i64, 0..4usize, any::<u64>()), 1..80)
    ) {
        let mut state = empty();
        let mut now = at(0);
        for (n, (happens, passed_us, online, seed)) in steps.into_iter().enumerate() {
            now += SignedDuration::from_micros(passed_us);
            let base = scene(now);
            let entries: Vec<EntryId> = (0..20).map(|entry| id(1_000 + 20 * n as u128 + entry)).collect();
            // Chosen by chance in real life: a clock that stands still or steps back repeats none.
            let play_id = uuid::Uuid::from_u128(n as u128).into();
            let online = &base.known[..online];
            let scene = Scene { online, entries: &entries, play_id, seed, max_queue: 20, ..base };
            let Some(next) = step(&state, happens, &scene) else { continue };
            assert_follows(&next, &state, &scene)?;
            assert_sound(&next)?;
            prop_assert!(next.queue.len() <= scene.max_queue);
            let mut place = PositionMs::ZERO;
            for later in [0, 150, 1_000, 60_000] {
                let reached = next.position_at(now + SignedDuration::from_millis(later));
                prop_assert!(place <= reached);
                place = reached;
            }
            let json = serde_json::to_value(&next).unwrap();
            prop_assert_eq!(&serde_json::from_value::<PlaybackState>(json).unwrap(), &next);
            state = next;
        }
    }

    // Whatever joins and leaves in between, the others come back in their order.
    #[test]
    fn shuffle_comes_undone(
        tracks in prop::collection::vec((1..9u128).prop_map(id), 1..20),
        added in prop::collection::vec((1..9u128).prop_map(id), 0..5),
        start in 0..20usize,
        gone in 0..20usize,
        seed in any::<u64>(),
    ) {
        let set = Operation::SetQueue { index: start % tracks.len(), tracks, position_ms: PositionMs::ZERO, play: None };
        let before = transition(&empty(), &set, &scene(at(0))).unwrap();
        let mixing = Scene { seed, ..scene(at(1)) };
        let mixed = transition(&before, &Operation::SetShuffle { shuffle: true }, &mixing).unwrap();
        prop_assert_eq!(mixed.index, Some(0));
        prop_assert_eq!(mixed.current().map(|entry| entry.entry_id), before.current().map(|entry| entry.entry_id));

        let entries: Vec<EntryId> = (0..5).map(|n| id(5_000 + n)).collect();
        let add = Operation::QueueAdd { tracks: added, position: QueuePosition::Next };
        let more = transition(&mixed, &add, &Scene { entries: &entries, ..scene(at(2)) }).unwrap();
        let gone = before.queue[gone % before.queue.len()];
        let remove = Operation::QueueRemove { entries: vec![gone.entry_id] };
        let fewer = transition(&more, &remove, &scene(at(3))).unwrap();
        let after = transition(&fewer, &Operation::SetShuffle { shuffle: false }, &scene(at(4))).unwrap();

        let old: Vec<QueueEntry> =
            after.queue.iter().filter(|entry| !entries.contains(&entry.entry_id)).copied().collect();
        let expected: Vec<QueueEntry> = before.queue.iter().filter(|entry| **entry != gone).copied().collect();
        prop_assert_eq!(old, expected);
    }
}
