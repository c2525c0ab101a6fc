//! Days, for statistics.

use std::fmt;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use super::Invalid;

const EPOCH: Date = date(1970, 1, 1);

/// A day of the calendar in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(Date);

impl Day {
    /// The day of this moment.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.to_zoned(TimeZone::UTC).date())
    }

    /// A day from a request: `2026-11-22`.
    ///
    /// # Errors
    /// `invalid_date`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        // Only the canonical form, as everywhere: a date has one name.
        let date: Option<Date> = text.parse().ok().filter(|date: &Date| date.to_string() == text);
        date.map(Self).ok_or_else(|| Invalid::new("invalid_date", "Write a date like 2026-11-22."))
    }

    /// How many days after 1970-01-01 it is.
    pub fn number(self) -> i64 {
        self.0.duration_since(EPOCH).as_hours() / 24
    }

    /// The day so many days after 1970-01-01; `None` outside the calendar.
    pub fn from_number(number: i64) -> Option<Self> {
        let hours = number.checked_mul(24).filter(|hours| hours.abs() < i64::MAX / 3600)?;
        EPOCH.checked_add(SignedDuration::from_hours(hours)).ok().map(Self)
    }

    /// The day so many days later, or earlier; the last one of the calendar if there is none so late.
    #[must_use]
    pub fn plus(self, days: i64) -> Self {
        Self(
            self.0
                .saturating_add(SignedDuration::from_hours(days.saturating_mul(24).clamp(-1 << 40, 1 << 40))),
        )
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        for (text, number) in
            [("1970-01-01", 0), ("1969-12-31", -1), ("2026-11-22", 20_779), ("2024-02-29", 19_782)]
        {
            let day = Day::parse(text).unwrap();
            assert_eq!((day.number(), day.to_string().as_str()), (number, text));
            assert_eq!(Day::from_number(number), Some(day));
        }
        assert_eq!(Day::from_number(i64::MAX), None);
        assert_eq!(Day::parse("2026-12-31").unwrap().plus(1).to_string(), "2027-01-01");
        assert_eq!(Day::parse("2026-01-01").unwrap().plus(-1).to_string(), "2025-12-31");
    }

    #[test]
    fn a_day_ends_at_midnight_in_utc() {
        let last = Timestamp::from_microsecond(86_400_000_000 - 1).unwrap();
        assert_eq!(Day::of(last).number(), 0);
        assert_eq!(Day::of(Timestamp::from_second(86_400).unwrap()).number(), 1);
        assert_eq!(Day::of(Timestamp::from_second(-1).unwrap()).number(), -1);
    }

    #[test]
    fn only_one_form_is_a_date() {
        for text in
            ["", "2026-2-3", "20260203", "2026-02-30", "2026-02-03T00:00:00Z", " 2026-02-03", "+002026-02-03"]
        {
            assert!(Day::parse(text).is_err(), "{text}");
        }
    }
}
