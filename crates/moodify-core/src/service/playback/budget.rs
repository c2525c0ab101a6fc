//! How much a connection may ask for.

use jiff::{SignedDuration, Timestamp};

/// So many a second, and at most a second's worth at once (GCRA: one timestamp, no timer).
#[derive(Debug)]
pub struct Budget {
    each: SignedDuration,
    burst: SignedDuration,
    // When all that was spent is earned back.
    balanced_at: Timestamp,
}

impl Budget {
    /// Nothing is spent yet. A rate of 0 means without limit.
    pub fn per_second(rate: u32, now: Timestamp) -> Self {
        let each = SignedDuration::from_secs(1).checked_div(i32::try_from(rate).unwrap_or(i32::MAX));
        let each = each.unwrap_or(SignedDuration::ZERO);
        Self { each, burst: SignedDuration::from_secs(1), balanced_at: now }
    }

    /// Spends one; `false`, and nothing is spent, when there is none left.
    pub fn spend(&mut self, now: Timestamp) -> bool {
        // When the clock steps back, nobody owes more than the burst.
        let most = now.saturating_add(self.burst).unwrap_or(Timestamp::MAX);
        let from = self.balanced_at.clamp(now, most);
        let balanced_at = from.saturating_add(self.each).unwrap_or(Timestamp::MAX);
        let allowed = balanced_at <= most;
        if allowed {
            self.balanced_at = balanced_at;
        } else {
            self.balanced_at = from;
        }
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
    fn zero_means_no_limit() {
        let mut budget = Budget::per_second(0, at(0));
        assert!((0..10_000).all(|_| budget.spend(at(0))));
    }
}
