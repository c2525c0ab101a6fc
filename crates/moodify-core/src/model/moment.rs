//! Moments before and after others.

use std::time::Duration;

use jiff::Timestamp;

/// The moment this long after another; the last one of the calendar if there is none so late.
pub fn later(moment: Timestamp, duration: Duration) -> Timestamp {
    moment.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// The longest that anything is put off: longer than the last retry of any schedule, and than any lease.
pub const LONGEST_WAIT: Duration = Duration::from_secs(8 * 60 * 60);

/// By how much the clocks of two processes may differ, and one may be set back without a trace.
pub const CLOCKS_APART: Duration = Duration::from_secs(5);

/// Whether what was put off until this moment is due. What is more than [`LONGEST_WAIT`] away was put
/// off before the clock was set back: it is due too, rather than waits for the clock to catch up.
pub fn is_due(moment: Timestamp, now: Timestamp) -> bool {
    is_due_within(moment, now, LONGEST_WAIT)
}

/// The same for what is put off for so long at most.
pub fn is_due_within(moment: Timestamp, now: Timestamp, longest: Duration) -> bool {
    moment <= now || moment > later(now, longest)
}

/// The moment this long before another; the first one of the calendar if there is none so early.
pub fn earlier(moment: Timestamp, duration: Duration) -> Timestamp {
    moment.checked_sub(duration).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_has_two_ends() {
        let noon = Timestamp::from_second(43_200).unwrap();
        assert_eq!(later(noon, Duration::from_secs(60)).as_second(), 43_260);
        assert_eq!(earlier(noon, Duration::from_secs(60)).as_second(), 43_140);
        assert_eq!(later(noon, Duration::MAX), Timestamp::MAX);
        assert_eq!(earlier(noon, Duration::MAX), Timestamp::MIN);
    }

    #[test]
    fn nothing_waits_for_a_clock_that_was_set_back() {
        let noon = Timestamp::from_second(43_200).unwrap();
        let microsecond = Duration::from_micros(1);
        assert!(is_due(noon, noon));
        assert!(!is_due(later(noon, microsecond), noon));
        let farthest = later(noon, LONGEST_WAIT);
        assert!(!is_due(farthest, noon));
        assert!(is_due(later(farthest, microsecond), noon));
    }
}
