//! How an event gets from a database commit to those who act on it: the relay publishes, a worker
//! for each consumer handles.

mod housekeeper;
mod relay;
mod schedule;
mod worker;

use async_trait::async_trait;

pub use housekeeper::Housekeeper;
pub use relay::Relay;
pub(super) use schedule::Backoff;
pub use worker::{TIMEOUT, Worker};

use crate::model::{Event, Timestamp};
use crate::port::Consumer;

/// Every consumer of Moodify's own services.
pub const CONSUMERS: [&str; 5] = ["notification", "releases", "announcements", "music", "sync"];

/// What a service does with the events it asked for.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Which events it asks for, and under which name.
    fn consumer(&self) -> Consumer;

    /// Acts on an event. It may come more than once; the second time must change nothing.
    async fn handle(&self, event: &Event) -> Result<(), HandleError>;
}

/// Why an event was not handled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// It may work later: it is tried again on schedule, and given up after the last try.
    #[error("{reason}")]
    Later {
        /// For the log and the dead letter.
        reason: String,
    },
    /// Somebody else is at it until then, or it has to wait its turn: asked again at that moment,
    /// however often.
    #[error("it has to wait")]
    Held {
        /// When to ask again.
        until: Timestamp,
    },
    /// Part of it is done: asked again at once, for the rest. Others come in between.
    #[error("there is more to do")]
    Unfinished,
    /// It will never work: it becomes a dead letter.
    #[error("{reason}")]
    Never {
        /// For the log and the dead letter.
        reason: String,
    },
}

impl From<crate::Error> for HandleError {
    fn from(error: crate::Error) -> Self {
        Self::Later { reason: error.to_string() }
    }
}
