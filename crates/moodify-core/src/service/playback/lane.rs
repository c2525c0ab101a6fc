//! Puts the commands of one connection into the order they were sent in.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::model::{is_due_within, later};

/// The most commands that wait for an earlier one.
const MAX_WAITING: usize = 256;

/// The commands of one connection, by `seq`.
///
/// The first `seq` on a connection sets the start; from there each command waits for the one
/// before it. One that is missing for longer than the wait counts as lost: all that waited are
/// refused as a [`Turn::Gap`], and counting goes on behind them. Commands without a `seq`
/// take their turn as they come.
#[derive(Debug)]
pub struct Lane<T> {
    wait: Duration,
    // `None` until the first `seq`.
    next: Option<u64>,
    waiting: BTreeMap<u64, (T, Timestamp)>,
}

/// Whose turn it is, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn<T> {
    /// Its turn has come.
    Next(T),
    /// Its turn is over: it is only answered if it is the repetition of an applied one.
    Passed(T),
    /// An earlier one is missing.
    Gap(T),
}

impl<T> Lane<T> {
    /// A lane in which commands wait this long for earlier ones.
    pub fn new(wait: Duration) -> Self {
        Self { wait, next: None, waiting: BTreeMap::new() }
    }

    /// A command has come. Returns those whose turn it is now, in order.
    pub fn offer(&mut self, seq: Option<u64>, command: T, now: Timestamp) -> Vec<Turn<T>> {
        let Some(seq) = seq else {
            return vec![Turn::Next(command)];
        };
        let next = *self.next.get_or_insert(seq);
        if seq < next || self.waiting.contains_key(&seq) {
            return vec![Turn::Passed(command)];
        }
        if seq > next {
            if self.waiting.len() >= MAX_WAITING {
                return vec![Turn::Gap(command)];
            }
            self.waiting.insert(seq, (command, now));
            return Vec::new();
        }
        self.next = Some(next.saturating_add(1));
        let mut turns = vec![Turn::Next(command)];
        while let Some(entry) = self.waiting.first_entry()
            && Some(*entry.key()) == self.next
        {
            self.next = Some(entry.key().saturating_add(1));
            turns.push(Turn::Next(entry.remove().0));
        }
        turns
    }

    /// When the next call of [`overdue`](Self::overdue) has something to return.
    pub fn deadline(&self) -> Option<Timestamp> {
        let oldest = self.waiting.values().map(|(_, since)| *since).min()?;
        Some(later(oldest, self.wait))
    }

    /// Gives up on what has been missing for too long. Returns all that waited, in order.
    pub fn overdue(&mut self, now: Timestamp) -> Vec<Turn<T>> {
        if self.deadline().is_none_or(|deadline| !is_due_within(deadline, now, self.wait)) {
            return Vec::new();
        }
        if let Some((last, _)) = self.waiting.last_key_value() {
            self.next = Some(last.saturating_add(1));
        }
        std::mem::take(&mut self.waiting).into_values().map(|(command, _)| Turn::Gap(command)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WAIT: Duration = Duration::from_millis(200);

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    #[test]
    fn the_first_sets_the_start_and_the_rest_follow_in_order() {
        let mut lane = Lane::new(WAIT);
        assert_eq!(lane.offer(Some(7), 7, at(0)), [Turn::Next(7)]);
        assert_eq!(lane.offer(Some(10), 10, at(0)), []);
        assert_eq!(lane.offer(Some(9), 9, at(0)), []);
        assert_eq!(lane.offer(None, 0, at(0)), [Turn::Next(0)]);
        assert_eq!(lane.offer(Some(8), 8, at(0)), [Turn::Next(8), Turn::Next(9), Turn::Next(10)]);
        assert_eq!(lane.deadline(), None);
    }

    #[test]
    fn a_repeated_seq_has_had_its_turn() {
        let mut lane = Lane::new(WAIT);
        lane.offer(Some(1), 'a', at(0));
        assert_eq!(lane.offer(Some(1), 'b', at(0)), [Turn::Passed('b')]);
        lane.offer(Some(3), 'c', at(0));
        assert_eq!(lane.offer(Some(3), 'd', at(0)), [Turn::Passed('d')]);
    }

    #[test]
    fn a_lost_command_is_waited_for_and_then_given_up() {
        let mut lane = Lane::new(WAIT);
        lane.offer(Some(1), 1, at(0));
        lane.offer(Some(4), 4, at(100));
        lane.offer(Some(3), 3, at(150));
        assert_eq!(lane.deadline(), Some(at(300)));
        assert_eq!(lane.overdue(at(299)), []);
        assert_eq!(lane.overdue(at(300)), [Turn::Gap(3), Turn::Gap(4)]);
        assert_eq!(lane.offer(Some(2), 2, at(301)), [Turn::Passed(2)]);
        assert_eq!(lane.offer(Some(5), 5, at(301)), [Turn::Next(5)]);
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_no_command_waiting() {
        let mut lane = Lane::new(WAIT);
        lane.offer(Some(1), 1, at(3_600_000));
        lane.offer(Some(3), 3, at(3_600_000));
        assert_eq!(lane.overdue(at(0)), [Turn::Gap(3)]);
    }

    #[test]
    fn no_more_wait_than_there_is_room_for() {
        let mut lane = Lane::new(WAIT);
        lane.offer(Some(0), 0, at(0));
        for seq in 2..2 + MAX_WAITING as u64 {
            assert_eq!(lane.offer(Some(seq), seq, at(0)), []);
        }
        assert_eq!(lane.offer(Some(9_999), 9_999, at(0)), [Turn::Gap(9_999)]);
    }

    proptest! {
        // However the commands are shuffled within the window, they come out in order, each once.
        #[test]
        fn any_arrival_order_becomes_the_sent_one(
            order in Just((1..=200u64).collect::<Vec<_>>()).prop_shuffle()
        ) {
            let mut lane = Lane::new(WAIT);
            let mut turns = lane.offer(Some(0), 0, at(0));
            for seq in order {
                turns.extend(lane.offer(Some(seq), seq, at(0)));
            }
            prop_assert_eq!(turns, (0..=200).map(Turn::Next).collect::<Vec<_>>());
        }

        // With losses, repetitions and time: every command gets exactly one answer, and those whose
        // turn came are in order.
        #[test]
        fn every_command_is_answered_once(
            arrivals in prop::collection::vec((0..60u64, 0..120i64), 0..120)
        ) {
            let mut lane = Lane::new(WAIT);
            let mut now = at(0);
            let mut turns = Vec::new();
            for (n, (seq, passed)) in arrivals.iter().enumerate() {
                now += jiff::SignedDuration::from_millis(*passed);
                turns.extend(lane.overdue(now));
                turns.extend(lane.offer(Some(*seq), (n, *seq), now));
            }
            turns.extend(lane.overdue(Timestamp::MAX));
            let mut answered: Vec<_> = turns
                .iter()
                .map(|turn| match turn { Turn::Next(c) | Turn::Passed(c) | Turn::Gap(c) => c.0 })
                .collect();
            answered.sort_unstable();
            prop_assert_eq!(answered, (0..arrivals.len()).collect::<Vec<_>>());
            let taken: Vec<_> =
                turns.iter().filter_map(|turn| if let Turn::Next(c) = turn { Some(c.1) } else { None }).collect();
            prop_assert!(taken.is_sorted_by(|a, b| a < b));
        }
    }
}
