//! When a mail server wants no mails for a while.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::{LONGEST_WAIT, Timestamp, is_due, later};

/// Until when nothing is sent, because the mail server said so. Each process hears it for itself.
pub(super) struct Rest(Mutex<Timestamp>);

impl Rest {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Timestamp::MIN))
    }

    /// Whether mails may be tried.
    ///
    /// # Errors
    /// From when on.
    pub(super) fn ask(&self, now: Timestamp) -> Result<(), Timestamp> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_due(until, now) { Ok(()) } else { Err(until) }
    }

    /// Rests from now on, and returns until when.
    pub(super) fn begin(&self, wait: Duration, now: Timestamp) -> Timestamp {
        let until = later(now, wait.min(LONGEST_WAIT));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
        until
    }
}
