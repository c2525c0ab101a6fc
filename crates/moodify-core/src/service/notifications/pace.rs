//! How fast mails go out, for senders that may send only so many a day.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::{MailKind, Timestamp, later};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The part of a day's mails that may go out at once.
const AT_ONCE: u32 = 10;
/// Of what may go out at once, this many tenths are left to mails that nobody waits for.
const ANNOUNCEMENTS: u32 = 8;

/// The generic cell rate algorithm (ITU-T I.371): in any 24 hours no more than the day's number, in
/// this process.
pub(super) struct Pace {
    interval: Duration,
    ahead: Duration,
    next: Mutex<Timestamp>,
}

impl Pace {
    pub(super) fn new(max_per_day: NonZeroU32) -> Self {
        let at_once = (max_per_day.get() / AT_ONCE).max(1);
        let interval = DAY / (max_per_day.get() - at_once).max(1);
        Self { interval, ahead: interval * (at_once - 1), next: Mutex::new(Timestamp::MIN) }
    }

    /// Takes leave to send one mail.
    ///
    /// # Errors
    /// When to ask again.
    pub(super) fn take(&self, kind: MailKind, now: Timestamp) -> Result<(), Timestamp> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not keep mails waiting for longer than a full line does.
        let latest = later(now, self.ahead + self.interval);
        let due = (*next).clamp(now, latest);
        *next = due;
        let ahead = match kind {
            MailKind::NewRelease => self.ahead / 10 * ANNOUNCEMENTS,
            _ => self.ahead,
        };
        if due > later(now, ahead) {
            return Err(due.checked_sub(ahead).unwrap_or(due));
        }
        *next = later(due, self.interval);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::constant(1_767_225_600, 0);

    fn pace(max_per_day: u32) -> Pace {
        Pace::new(NonZeroU32::new(max_per_day).unwrap())
    }

    /// How many mails leave if one is tried as soon as it may be, until the time is over.
    fn sent(pace: &Pace, kind: MailKind, until: Timestamp) -> u32 {
        let (mut now, mut sent) = (START, 0);
        while now < until {
            match pace.take(kind, now) {
                Ok(()) => sent += 1,
                Err(later) => {
                    assert!(later > now, "asked again at once, for ever");
                    now = later;
                }
            }
        }
        sent
    }

    #[test]
    fn a_day_has_no_more_than_its_number() {
        for max in [1, 2, 9, 10, 500, 2_000, 100_000] {
            let sent = sent(&pace(max), MailKind::Welcome, later(START, DAY));
            assert!(sent <= max && sent + 1 >= max, "{sent} of {max}");
        }
    }

    #[test]
    fn announcements_leave_room_for_mails_that_somebody_waits_for() {
        let pace = pace(500);
        while pace.take(MailKind::NewRelease, START).is_ok() {}
        let mut left = 0;
        while pace.take(MailKind::ResetPassword, START).is_ok() {
            left += 1;
        }
        assert!((9..=11).contains(&left), "{left} of 50");
    }

    #[test]
    fn a_clock_that_was_set_back_holds_mails_up_for_a_moment_only() {
        let pace = pace(500);
        while pace.take(MailKind::Welcome, START).is_ok() {}
        let before = START.checked_sub(DAY * 365).unwrap();
        let again = pace.take(MailKind::Welcome, before).unwrap_err();
        assert!(again <= later(before, pace.interval), "{again}");
        pace.take(MailKind::Welcome, again).unwrap();
    }
}
