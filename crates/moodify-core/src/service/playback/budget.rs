//! How much a connection may ask for.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::later;

const SECOND: Duration = Duration::from_secs(1);

/// So many a second, and at most a second's worth at once (GCRA: one timestamp, no timer).
#[derive(Debug)]
pub struct Budget {
    each: Duration,
    // When all that was spent is earned back.
    balanced_at: Timestamp,
}

impl Budget {
    /// Nothing is spent yet. A rate of 0 means without limit.
    pub fn per_second(rate: u32, now: Timestamp) -> Self {
        let each = SECOND.checked_div(rate).unwrap_or(Duration::ZERO);
        Self { each, balanced_at: now }
    }

    /// Spends one; `false`, and nothing is spent, when there is none left.
    pub fn spend(&mut self, now: Timestamp) -> bool {
        self.spend_many(1, now)
    }

    /// The same for so many. What is more than a second's worth takes all of it, when nothing is
    /// spent.
    pub fn spend_many(&mut self, count: u32, now: Timestamp) -> bool {
        // When the clock steps back, nobody owes more than the burst.
        let most = later(now, SECOND);
        let from = self.balanced_at.clamp(now, most);
        let balanced_at = later(from, self.each.saturating_mul(count));
        let allowed = balanced_at <= most || from == now;
        self.balanced_at = if allowed { balanced_at.min(most) } else { from };
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    #[test]
    fn a_seconds_worth_at_once_then_one_by_one() {
        let mut budget = Budget::per_second(50, at(0));
        assert_eq!((0..60).filter(|_| budget.spend(at(0))).count(), 50);
        assert!(!budget.spend(at(19)));
        assert!(budget.spend(at(20)));
        assert!(!budget.spend(at(20)));
        assert_eq!((0..60).filter(|_| budget.spend(at(520))).count(), 25);
        assert_eq!((0..60).filter(|_| budget.spend(at(100_000))).count(), 50);
    }

    #[test]
    fn a_clock_that_steps_back_does_not_silence_anybody() {
        let mut budget = Budget::per_second(50, at(3_600_000));
        assert!(budget.spend(at(3_600_000)));
        assert!(!budget.spend(at(0)));
        assert!(budget.spend(at(20)));
    }

    #[test]
    fn many_are_spent_together_or_not_at_all() {
        let mut budget = Budget::per_second(50, at(0));
        assert!(budget.spend_many(40, at(0)));
        assert!(!budget.spend_many(11, at(0)));
        assert!(budget.spend_many(10, at(0)));
        assert!(!budget.spend_many(1_000, at(999)));
        assert!(budget.spend_many(1_000, at(1_000)), "or it could never be");
        assert!(!budget.spend(at(1_000)));
        assert!(budget.spend_many(50, at(2_000)));
    }

    #[test]
    fn zero_means_no_limit() {
        let mut budget = Budget::per_second(0, at(0));
        assert!((0..10_000).all(|_| budget.spend(at(0))));
    }
}
