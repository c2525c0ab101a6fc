use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How many keys with like hashes are told apart.
const WAYS: usize = 8;
/// How many such groups there are: 131,072 keys in 2 MiB, whatever comes.
const GROUPS: usize = 1 << 14;

/// So many of something in so much time, for each of many keys, in memory that does not grow.
///
/// Each key has one number (GCRA): the moment when all it has spent is earned back. When a group is
/// full, whoever owes least gives way. A flood of new keys that spend little takes the places of each
/// other and never of one that has spent all; and whoever fills all places with such keys has paid
/// for that with as many refusals. Which keys meet in a group, only this process knows.
pub(super) struct Table {
    secret: [u8; 16],
    /// What one costs, and what may be owed, in microseconds. `None` for no limit.
    rate: Option<Rate>,
    groups: Mutex<Vec<[Place; WAYS]>>,
}

#[derive(Clone, Copy)]
struct Rate {
    each: i64,
    most: i64,
}

/// A key, by its hash, and the moment when it owes nothing; all zero when it is free.
#[derive(Clone, Copy, Default)]
struct Place {
    tag: u64,
    balanced_at: i64,
}

impl Table {
    /// Nothing is spent yet. 0 means no limit, and takes no memory.
    pub(super) fn new(limit: u32, per: Duration, secret: [u8; 16]) -> Self {
        let most = i64::try_from(per.as_micros()).unwrap_or(i64::MAX / 2);
        let rate = most.checked_div(i64::from(limit)).map(|each| Rate { each, most });
        let groups = if rate.is_some() { vec![[Place::default(); WAYS]; GROUPS] } else { Vec::new() };
        Self { secret, rate, groups: Mutex::new(groups) }
    }

    /// Spends one, or says when there will be one to spend.
    pub(super) fn spend(&self, key: &impl Hash, now: Timestamp) -> Result<(), Duration> {
        let Some(Rate { each, most }) = self.rate else { return Ok(()) };
        let now = now.as_microsecond();
        self.with_place(key, |place| {
            // When the clock steps back, nobody owes more than the most.
            let owed = place.balanced_at.saturating_sub(now).clamp(0, most);
            let after = owed + each;
            place.balanced_at = now + if after <= most { after } else { owed };
            if after <= most { Ok(()) } else { Err(micros(after - most)) }
        })
        .unwrap_or(Ok(()))
    }

    /// Gives back one that was spent.
    pub(super) fn give_back(&self, key: &impl Hash) {
        let Some(Rate { each, .. }) = self.rate else { return };
        self.with_place(key, |place| place.balanced_at = place.balanced_at.saturating_sub(each));
    }

    fn with_place<T>(&self, key: &impl Hash, work: impl FnOnce(&mut Place) -> T) -> Option<T> {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.secret);
        key.hash(&mut hasher);
        let hash = hasher.finish();
        let mut groups = self.lock();
        let group = groups.get_mut(usize::try_from(hash >> 50).ok()?)?;
        let tag = hash | 1;
        let index = match group.iter().position(|place| place.tag == tag) {
            Some(index) => index,
            None => (0..WAYS).min_by_key(|index| group.get(*index).map(|place| place.balanced_at))?,
        };
        let place = group.get_mut(index)?;
        if place.tag != tag {
            *place = Place { tag, balanced_at: 0 };
        }
        Some(work(place))
    }

    /// No place is ever left half changed, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, Vec<[Place; WAYS]>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(micros: i64) -> Duration {
    SignedDuration::from_micros(micros).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + seconds).unwrap()
    }

    fn spent(table: &Table, key: &str, now: Timestamp, tries: usize) -> usize {
        (0..tries).filter(|_| table.spend(&key, now).is_ok()).count()
    }

    #[test]
    fn a_minutes_worth_at_once_then_one_by_one() {
        let table = Table::new(5, MINUTE, [7; 16]);
        assert_eq!(spent(&table, "a", at(0), 9), 5);
        assert_eq!(table.spend(&"a", at(2)), Err(Duration::from_secs(10)));
        assert_eq!(spent(&table, "b", at(2), 9), 5, "others have their own");
        assert_eq!(spent(&table, "a", at(12), 9), 1);
        assert_eq!(spent(&table, "a", at(3600), 9), 5);
        table.give_back(&"a");
        assert_eq!(spent(&table, "a", at(3600), 9), 1);
    }

    #[test]
    fn a_clock_that_steps_back_does_not_lock_anybody_out() {
        let table = Table::new(5, MINUTE, [7; 16]);
        assert_eq!(spent(&table, "a", at(86_400), 9), 5);
        assert!(table.spend(&"a", at(0)).is_err());
        assert_eq!(spent(&table, "a", at(60), 9), 5);
    }

    #[test]
    fn zero_means_no_limit() {
        let table = Table::new(0, MINUTE, [7; 16]);
        assert_eq!(spent(&table, "a", at(0), 10_000), 10_000);
        assert_eq!(table.lock().len(), 0);
    }

    #[test]
    fn a_flood_of_strangers_lifts_no_penalty_and_takes_no_memory() {
        let table = Table::new(5, MINUTE, [7; 16]);
        let guilty: Vec<String> = (0..1000).map(|n| format!("guilty {n}")).collect();
        for key in &guilty {
            assert_eq!(spent(&table, key, at(0), 9), 5);
        }
        for stranger in 0..300_000_u32 {
            assert!(table.spend(&stranger, at(1)).is_ok());
        }
        let free = guilty.iter().filter(|key| table.spend(key, at(2)).is_ok()).count();
        assert_eq!(free, 0);
        assert_eq!(table.lock().len(), GROUPS);
    }

    proptest! {
        /// Whatever happens when, no minute that is measured from
        /// any spending sees more than twice the limit, and whoever waits as told is served.
        #[test]
        fn waiting_as_told_helps(limit in 1_u32..10, steps in prop::collection::vec(0_i64..30, 1..20)) {
            let table = Table::new(limit, MINUTE, [3; 16]);
            let mut now = at(0);
            let mut times = Vec::new();
            for step in steps {
                now = now.checked_add(SignedDuration::from_secs(step)).unwrap();
                for _ in 0..limit {
                    match table.spend(&"a", now) {
                        Ok(()) => times.push(now),
                        Err(wait) => {
                            now = now.checked_add(SignedDuration::try_from(wait).unwrap()).unwrap();
                            prop_assert!(table.spend(&"a", now).is_ok());
                            times.push(now);
                        }
                    }
                }
            }
            for first in &times {
                let within = |time: &&Timestamp| (0..60).contains(&time.duration_since(*first).as_secs());
                prop_assert!(times.iter().filter(within).count() <= 2 * limit as usize);
            }
        }
    }
}
