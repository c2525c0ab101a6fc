//! When a mail server wants no mails for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::{EventId, LONGEST_WAIT, Timestamp, is_due, later};

/// Until when nothing is sent, because the mail server said so to the mails of two events in a row: one alone may be
/// to blame, however often it is tried. Each process hears it for itself.
pub(super) struct Rest(Mutex<State>);

struct State {
    until: Timestamp,
    /// Whose mail heard it last, since the last one that was taken.
    told: Option<EventId>,
}

impl Rest {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { until: Timestamp::MIN, told: None }))
    }

    /// Whether mails may be tried.
    ///
    /// # Errors
    /// From when on.
    pub(super) fn ask(&self, now: Timestamp) -> Result<(), Timestamp> {
        let until = self.state().until;
        if is_due(until, now) { Ok(()) } else { Err(until) }
    }

    /// A mail of this event was to wait this long. Returns until when it does.
    pub(super) fn told(&self, event: EventId, wait: Duration, now: Timestamp) -> Timestamp {
        let until = later(now, wait.min(LONGEST_WAIT));
        let mut state = self.state();
        match state.told {
            Some(other) if other != event => *state = State { until, told: None },
            _ => state.told = Some(event),
        }
        until
    }

    /// A mail was taken.
    pub(super) fn end(&self) {
        self.state().told = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
