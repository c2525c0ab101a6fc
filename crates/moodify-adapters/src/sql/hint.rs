use std::sync::Arc;

use tokio::sync::Notify;

/// Tells this process that there is something new. Other processes find out when they look.
#[derive(Clone, Default)]
pub(super) struct Hint(Arc<Notify>);

impl Hint {
    pub(super) fn give(&self) {
        self.0.notify_waiters();
        // For whoever is between two waits; a superfluous wake-up costs one empty look.
        self.0.notify_one();
    }

    pub(super) async fn given(&self) {
        self.0.notified().await;
    }
}
