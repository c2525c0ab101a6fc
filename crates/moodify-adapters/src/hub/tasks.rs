use std::mem;
use std::sync::{Mutex, PoisonError};

use tokio::task::JoinHandle;

/// What runs in this process. It ends when nobody needs it any more.
pub(crate) struct Tasks(Mutex<Vec<JoinHandle<()>>>);

impl Tasks {
    pub(crate) fn new(tasks: Vec<JoinHandle<()>>) -> Self {
        Self(Mutex::new(tasks))
    }

    /// Ends all of them, and returns when they have let go of what they had.
    #[cfg(feature = "mongodb")]
    pub(crate) async fn end(&self) {
        for task in self.take() {
            task.abort();
            // Cut off: that is what was asked for.
            let _ = task.await;
        }
    }

    fn take(&self) -> Vec<JoinHandle<()>> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.take().iter().for_each(JoinHandle::abort);
    }
}
