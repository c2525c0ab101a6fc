//! How fast mails go out, for senders that may send only so many a day.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::{LONGEST_WAIT, MailKind, Timestamp, earlier, later};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The part of a day's mails that may go out at once.
const AT_ONCE: u32 = 10;
/// A line for each: mails that somebody waits for, welcomes, announcements.
const LINES: usize = 3;

/// The furthest turn that is given: well below [`LONGEST_WAIT`], beyond which a queue takes a moment for
/// that of a wrong clock.
const FURTHEST: Duration = Duration::from_secs(LONGEST_WAIT.as_secs() * 3 / 4);

/// The generic cell rate algorithm (ITU-T I.371): in any 24 hours no more than the day's number. Those who
/// have to wait get turns one after the other, so that of many only few ask again at a time; who is late, or
/// not there any more, holds nobody up.
pub(super) struct Pace {
    interval: Duration,
    ahead: Duration,
    state: Mutex<State>,
}

struct State {
    /// When the next mail would go if none went at once.
    next: Timestamp,
    /// The next turn to be given in each line.
    turns: [Timestamp; LINES],
}

impl Pace {
    pub(super) fn new(max_per_day: NonZeroU32) -> Self {
        let at_once = (max_per_day.get() / AT_ONCE).max(1);
        let interval = DAY / (max_per_day.get() - at_once).max(1);
        let state = State { next: Timestamp::MIN, turns: [Timestamp::MIN; LINES] };
        Self { interval, ahead: interval * (at_once - 1), state: Mutex::new(state) }
    }

    /// Whether a mail may go now.
    ///
    /// # Errors
    /// When to ask again.
    pub(super) fn ask(&self, kind: MailKind, now: Timestamp) -> Result<(), Timestamp> {
        self.admit(&mut self.state(), kind, now)
    }

    /// Takes leave to send one mail.
    ///
    /// # Errors
    /// When to ask again.
    pub(super) fn take(&self, kind: MailKind, now: Timestamp) -> Result<(), Timestamp> {
        let mut state = self.state();
        self.admit(&mut state, kind, now)?;
        state.next = later(state.next, self.interval);
        Ok(())
    }

    /// What all processes of this sender know.
    pub(super) fn learn(&self, next: Option<Timestamp>) {
        self.state().next = next.unwrap_or(Timestamp::MIN);
    }

    /// What they are to know.
    pub(super) fn next(&self) -> Timestamp {
        self.state().next
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, state: &mut State, kind: MailKind, now: Timestamp) -> Result<(), Timestamp> {
        // A clock that was set back must not keep mails waiting for longer than a full line does.
        let latest = later(now, self.ahead + self.interval);
        state.next = state.next.clamp(now, latest);
        let (line, tenths) = line(kind);
        let free = earlier(state.next, self.ahead * tenths / 10);
        if free <= now {
            return Ok(());
        }
        Err(self.turn(&mut state.turns[line], free, now))
    }

    /// When to ask again, of somebody who may not go before that moment.
    fn turn(&self, turn: &mut Timestamp, free: Timestamp, now: Timestamp) -> Timestamp {
        let furthest = later(now, FURTHEST);
        // Most likely its turn was now, and those before it were late.
        if free <= later(now, self.interval / 2) {
            return free.min(furthest);
        }
        if !(free..=furthest).contains(turn) {
            *turn = free;
        }
        let given = (*turn).min(furthest);
        *turn = later(*turn, self.interval);
        given
    }
}

/// Where a mail stands, and how many tenths of what may go out at once are left to its line: what one leaves over
/// is kept for those before it.
fn line(kind: MailKind) -> (usize, u32) {
    match kind {
        MailKind::VerifyEmail | MailKind::ResetPassword | MailKind::PasswordChanged => (0, 10),
        MailKind::Welcome => (1, 9),
        MailKind::NewRelease => (2, 8),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
            let sent = sent(&pace(max), MailKind::VerifyEmail, later(START, DAY));
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
    fn welcomes_leave_room_for_mails_that_somebody_waits_for_and_go_before_announcements() {
        let pace = pace(500);
        while pace.take(MailKind::NewRelease, START).is_ok() {}
        let all = |kind| (0..100).take_while(|_| pace.take(kind, START).is_ok()).count();
        let (welcomes, resets) = (all(MailKind::Welcome), all(MailKind::ResetPassword));
        assert!((4..=6).contains(&welcomes) && (4..=6).contains(&resets), "{welcomes}, {resets} of 50");
        // However many welcomes have turns by now, a reset does not stand behind them.
        for _ in 0..100 {
            pace.ask(MailKind::Welcome, START).unwrap_err();
        }
        let again = pace.ask(MailKind::ResetPassword, START).unwrap_err();
        assert!(again <= later(START, pace.interval * 3), "{again}");
    }

    /// How often so many are asked, each when it was told to, until all of them have left; and when the
    /// last one did.
    fn asked(pace: &Pace, kind: MailKind, mails: usize, late: Duration) -> (usize, Timestamp) {
        let mut waiting: BTreeSet<(Timestamp, usize)> = (0..mails).map(|n| (START, n)).collect();
        let (mut asked, mut now) = (0, START);
        while let Some((due, n)) = waiting.pop_first() {
            now = now.max(later(due, late));
            asked += 1;
            if let Err(again) = pace.take(kind, now) {
                assert!(again > now && again <= later(now, FURTHEST), "{again}");
                waiting.insert((again, n));
            }
        }
        (asked, now)
    }

    #[test]
    fn who_has_to_wait_gets_a_turn_of_its_own() {
        let pace = pace(500);
        while pace.take(MailKind::VerifyEmail, START).is_ok() {}
        let turns: BTreeSet<Timestamp> =
            (0..100).map(|_| pace.ask(MailKind::VerifyEmail, START).unwrap_err()).collect();
        assert_eq!(turns.len(), 100);
        let first = turns.first().unwrap();
        pace.take(MailKind::VerifyEmail, *first).unwrap();
    }

    #[test]
    fn a_backlog_is_asked_seldom_and_leaves_as_fast_as_it_may() {
        for (max, mails) in [(500, 100), (500, 400), (20, 60), (10, 30), (1, 4), (100_000, 20_000)] {
            for late in [Duration::ZERO, Duration::from_secs(1)] {
                let (asked, end) = asked(&pace(max), MailKind::VerifyEmail, mails, late);
                let days = u32::try_from(mails).unwrap().div_ceil(max);
                assert!(end <= later(START, DAY * (days + 1)), "{mails} of {max} a day left at {end}");
                // Whoever's turn is further away than may be promised is asked twice in that time.
                let laps = end.duration_since(START).as_secs() / i64::try_from(FURTHEST.as_secs()).unwrap();
                let seldom = mails * usize::try_from(2 + 2 * laps).unwrap();
                assert!(asked <= seldom, "{mails} of {max} a day were asked {asked} times");
            }
        }
    }

    #[test]
    fn a_clock_that_was_set_back_holds_mails_up_for_a_moment_only() {
        let pace = pace(500);
        while pace.take(MailKind::VerifyEmail, START).is_ok() {}
        let before = START.checked_sub(DAY * 365).unwrap();
        let again = pace.take(MailKind::VerifyEmail, before).unwrap_err();
        assert!(again <= later(before, pace.interval), "{again}");
        pace.take(MailKind::VerifyEmail, again).unwrap();
    }
}
