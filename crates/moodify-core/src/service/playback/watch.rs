//! When a listener's playback has to be looked at although nobody says anything.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::model::{AccountId, CLOCKS_APART, earlier};

/// The next moment for each listener that has one.
#[derive(Debug, Default)]
pub(super) struct Watch {
    dues: Mutex<Dues>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Dues {
    in_order: BTreeSet<(Timestamp, AccountId)>,
    of: HashMap<AccountId, Timestamp>,
    /// When somebody looked last.
    seen: Timestamp,
}

impl Watch {
    /// Looks at the listener at this moment, or earlier if that was asked for before: whoever looks
    /// finds out when to look again.
    pub(super) fn add(&self, account: AccountId, at: Timestamp) {
        let mut dues = self.dues();
        if let Some(before) = dues.of.get(&account).copied() {
            if before <= at {
                return;
            }
            dues.in_order.remove(&(before, account));
        }
        dues.of.insert(account, at);
        let is_first = dues.in_order.first().is_none_or(|(first, _)| at < *first);
        dues.in_order.insert((at, account));
        drop(dues);
        if is_first {
            self.changed.notify_one();
        }
    }

    /// A listener whose moment has come, if there is one. Once for each after the clock was set back:
    /// whoever looks finds out when to look again.
    pub(super) fn take_due(&self, now: Timestamp) -> Option<AccountId> {
        let mut dues = self.dues();
        if now < earlier(dues.seen, CLOCKS_APART) {
            dues.of.values_mut().for_each(|due| *due = now);
            dues.in_order = dues.of.keys().map(|account| (now, *account)).collect();
        }
        dues.seen = now;
        let (at, account) = *dues.in_order.first()?;
        if now < at {
            return None;
        }
        dues.in_order.remove(&(at, account));
        dues.of.remove(&account);
        Some(account)
    }

    /// When the first moment comes.
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        self.dues().in_order.first().map(|(at, _)| *at)
    }

    /// Makes whoever waits look again.
    pub(super) fn wake(&self) {
        self.changed.notify_one();
    }

    /// Returns when the first moment is another one.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn dues(&self) -> MutexGuard<'_, Dues> {
        self.dues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn each_listener_has_its_earliest_moment() {
        let watch = Watch::default();
        let [a, b] = [1, 2].map(|n| AccountId::from(Uuid::from_u128(n)));
        watch.add(a, at(30));
        watch.add(b, at(20));
        watch.add(a, at(10));
        watch.add(a, at(40));
        assert_eq!(watch.earliest(), Some(at(10)));
        assert_eq!(watch.take_due(at(9)), None);
        assert_eq!(watch.take_due(at(25)), Some(a));
        assert_eq!(watch.take_due(at(25)), Some(b));
        assert_eq!((watch.take_due(at(99)), watch.earliest()), (None, None));
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_waiting() {
        let watch = Watch::default();
        let [a, b] = [1, 2].map(|n| AccountId::from(Uuid::from_u128(n)));
        assert_eq!(watch.take_due(at(3_600)), None);
        watch.add(a, at(3_603));
        watch.add(b, at(3_615));
        assert_eq!(watch.take_due(at(3_596)), None, "the clocks of two processes differ by as much");
        let mut due = [watch.take_due(at(3)), watch.take_due(at(3))];
        due.sort();
        assert_eq!(due, [Some(a), Some(b)]);
        watch.add(a, at(6));
        assert_eq!((watch.take_due(at(3)), watch.take_due(at(6))), (None, Some(a)));
    }
}
