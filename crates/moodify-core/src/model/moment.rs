//! Moments before and after others.

use std::time::Duration;

use jiff::Timestamp;

/// The moment this long after another; the last one of the calendar if there is none so late.
pub fn later(moment: Timestamp, duration: Duration) -> Timestamp {
    moment.checked_add(duration).unwrap_or(Timestamp::MAX)
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
}
