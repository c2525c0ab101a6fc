use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Unavailable;
use crate::model::{Event, EventId};

/// The events that were stored with the changes they tell of, waiting to be published.
///
/// Stores append to it inside their own atomic steps; only the relay reads it.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Up to `max` unpublished, unleased events, leased until `now + lease`: no other call returns
    /// them before that moment, unless they are released. From that moment on they are unleased, and so are those whose lease
    /// ends more than [`LONGEST_WAIT`](crate::model::LONGEST_WAIT) from now: the clock was set back.
    /// Oldest first: an event comes before those of every write that began after its own write had
    /// returned, and the events of one write come in their order.
    async fn lease(&self, max: usize, now: Timestamp, lease: Duration) -> Result<Vec<Event>, OutboxError>;

    /// Takes published events out for good, leased or not. Ids that are not there any more are
    /// ignored.
    async fn mark_published(&self, ids: &[EventId]) -> Result<(), OutboxError>;

    /// Gives leased events back at once, in their old place, for instance because the queue refused
    /// them. Ids that are not there any more are ignored.
    async fn release(&self, ids: &[EventId]) -> Result<(), OutboxError>;

    /// What waits, leased or not, without touching it. Cheap: asked every few seconds.
    async fn backlog(&self) -> Result<Backlog, OutboxError>;

    /// Returns when something may have been appended since the last call returned, or never.
    /// Only a hint: the relay polls anyway, so an adapter without hints may just wait for ever.
    async fn changed(&self);
}

/// What waits in an [`Outbox`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many events.
    pub count: u64,
    /// When the one at the front happened; `None` when nothing waits.
    pub oldest: Option<Timestamp>,
}

/// Why an [`Outbox`] failed.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The technology failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
