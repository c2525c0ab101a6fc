//! When a mail server wants no mails for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::{LONGEST_WAIT, Timestamp, is_due, later};

/// How many mails in a row hear it before all the others wait too: one alone may be to blame.
const ENOUGH: u32 = 2;

/// Until when nothing is sent, because the mail server said so. Each process hears it for itself.
pub(super) struct Rest(Mutex<State>);

struct State {
    until: Timestamp,
    told: u32,
}

impl Rest {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { until: Timestamp::MIN, told: 0 }))
    }

    /// Whether mails may be tried.
    ///
    /// # Errors
    /// From when on.
    pub(super) fn ask(&self, now: Timestamp) -> Result<(), Timestamp> {
        let until = self.state().until;
        if is_due(until, now) { Ok(()) } else { Err(until) }
    }

    /// A mail was to wait this long. Returns until when it does.
    pub(super) fn told(&self, wait: Duration, now: Timestamp) -> Timestamp {
        let until = later(now, wait.min(LONGEST_WAIT));
        let mut state = self.state();
        state.told += 1;
        if state.told >= ENOUGH {
            *state = State { until, told: 0 };
        }
        until
    }

    /// A mail was taken.
    pub(super) fn end(&self) {
        self.state().told = 0;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
