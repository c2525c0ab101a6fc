use std::sync::Arc;

use tokio::sync::Notify;

/// Tells those who wait that there is something new.
#[derive(Clone, Default)]
pub(crate) struct Hint {
    here: Arc<Notify>,
    /// Where the database passes hints on: asks for it. Processes that it does not reach find out when
    /// they look.
    elsewhere: Option<Arc<Notify>>,
}

impl Hint {
    /// One that other processes are to hear of.
    #[cfg(feature = "postgres")]
    pub(crate) fn for_all() -> Self {
        Self { elsewhere: Some(Arc::default()), ..Self::default() }
    }

    pub(crate) fn give(&self) {
        self.wake();
        if let Some(elsewhere) = &self.elsewhere {
            elsewhere.notify_one();
        }
    }

    /// Tells this process alone.
    pub(crate) fn wake(&self) {
        self.here.notify_waiters();
        // For whoever is between two waits; a superfluous wake-up costs one empty look.
        self.here.notify_one();
    }

    pub(crate) async fn given(&self) {
        self.here.notified().await;
    }

    /// Returns when others are to be told of what was given since the last time, however often it was.
    #[cfg(feature = "postgres")]
    pub(crate) async fn to_pass_on(&self) {
        match &self.elsewhere {
            Some(elsewhere) => elsewhere.notified().await,
            None => std::future::pending().await,
        }
    }
}
