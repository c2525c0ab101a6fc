//! The connections that there are just now.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::error::Fault;
use super::session::Session;

/// The connections to the server, if there are any.
pub(super) struct Link(RwLock<Result<Arc<Session>, Fault>>);

impl Link {
    /// Not connected yet.
    pub(super) fn new() -> Self {
        Self(RwLock::new(Err(Fault::Lost)))
    }

    /// The connections; fails at once when there are none, with what the last try failed with.
    pub(super) fn session(&self) -> Result<Arc<Session>, Fault> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on this is what there is.
    pub(super) fn set(&self, session: Result<Arc<Session>, Fault>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = session;
    }
}

/// Waits between attempts to reach the server: doubling, for ever.
pub(super) struct Backoff(Duration);

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    /// Devices wait for it.
    const LONGEST: Duration = Duration::from_secs(5);

    pub(super) fn new() -> Self {
        Self(Self::FIRST)
    }

    pub(super) fn next(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (wait * 2).min(Self::LONGEST);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_five_seconds() {
        let mut backoff = Backoff::new();
        let waits: Vec<_> = (0..8).map(|_| backoff.next().as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    }
}
