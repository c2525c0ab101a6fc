//! The connection that there is just now, and what happens when it ends.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::StreamExt;

use super::error::Fault;
use super::session::Session;

/// How often a connection is looked at of which nothing is heard.
const LOOK: Duration = Duration::from_secs(1);

/// The connection to the broker, if there is one.
pub(super) struct Link(RwLock<Result<Arc<Session>, Fault>>);

impl Link {
    /// Not connected yet.
    pub(super) fn new() -> Self {
        Self(RwLock::new(Err(Fault::Lost)))
    }

    /// The connection; fails at once when there is none, with what the last try failed with.
    pub(super) fn session(&self) -> Result<Arc<Session>, Fault> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Ok(session) if session.is_open() => Ok(session.clone()),
            Ok(_) => Err(Fault::Lost),
            Err(fault) => Err(fault.clone()),
        }
    }

    /// From now on this is what there is.
    pub(super) fn set(&self, session: Result<Arc<Session>, Fault>) -> Result<Arc<Session>, Fault> {
        let mut here = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *here, session)
    }
}

/// Returns when this connection is no more.
pub(super) async fn ended(session: &Session) {
    let mut events = session.events();
    // First the listening, then the look; and a look without a word, for ends that the driver is silent about.
    while session.is_open() {
        if let Ok(None) = tokio::time::timeout(LOOK, events.next()).await {
            return;
        }
    }
}
