//! Moments and spans of time in words.

use crate::model::Timestamp;

/// A moment as a person reads it.
pub(super) fn moment(moment: Timestamp) -> String {
    moment.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// How long it is until then, in whole hours or minutes; `None` if it has passed.
pub(super) fn until(then: Timestamp, now: Timestamp) -> Option<String> {
    let minutes = (then.as_second() - now.as_second()) / 60;
    match minutes {
        ..1 => None,
        // It was asked for a moment ago: "59 minutes" would only make people wonder.
        1439..=1440 => Some("24 hours".to_owned()),
        120.. => Some(format!("{} hours", minutes / 60)),
        59..=60 => Some("1 hour".to_owned()),
        1 => Some("1 minute".to_owned()),
        _ => Some(format!("{minutes} minutes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_in_words() {
        let now = Timestamp::from_second(1_763_812_800).unwrap();
        for (secs, words) in [
            (-5, None),
            (59, None),
            (60, Some("1 minute")),
            (1_800, Some("30 minutes")),
            (3_590, Some("1 hour")),
            (3_600, Some("1 hour")),
            (7_000, Some("116 minutes")),
            (7_200, Some("2 hours")),
            (86_390, Some("24 hours")),
            (259_200, Some("72 hours")),
        ] {
            let then = Timestamp::from_second(now.as_second() + secs).unwrap();
            assert_eq!(until(then, now).as_deref(), words, "{secs}");
        }
        assert_eq!(moment(now), "22 November 2025, 12:00 UTC");
    }
}
