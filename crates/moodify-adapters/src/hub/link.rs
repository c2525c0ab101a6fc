//! The session with the server that there is just now.

use std::sync::{Arc, PoisonError, RwLock};

use super::HubFault;

/// A session, or why there is none.
pub(crate) struct Link<S, F>(RwLock<Result<Arc<S>, F>>);

impl<S, F: HubFault> Link<S, F> {
    /// Not connected yet.
    pub(crate) fn new() -> Self {
        Self(RwLock::new(Err(F::lost())))
    }

    /// The session; fails at once when there is none, with what the last try failed with.
    pub(crate) fn session(&self) -> Result<Arc<S>, F> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on this is what there is.
    pub(crate) fn set(&self, session: Result<Arc<S>, F>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = session;
    }
}
