//! From the outbox to the queue.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::schedule::Backoff;
use crate::Error;
use crate::model::{Event, EventId};
use crate::port::{Measurement, Outbox, Queue, QueueError};
use crate::service::Context;

const BATCH: usize = 100;
/// Longer than publishing a batch takes; after a crash the events wait this long.
const LEASE: Duration = Duration::from_secs(30);
/// So many refusals one after the other are no longer the events' fault: the queue is down.
const REFUSALS: usize = 3;
/// How late an event can be when the hint was lost.
const POLL: Duration = Duration::from_secs(1);
/// The longest wait after a failure. No hint cuts it short, and to look costs little.
const LONGEST: Duration = Duration::from_secs(5);

/// Publishes what services stored with their changes. Any number of relays may share an outbox.
pub struct Relay {
    outbox: Arc<dyn Outbox>,
    queue: Arc<dyn Queue>,
    context: Context,
}

impl Relay {
    /// A relay between these two.
    pub fn new(outbox: Arc<dyn Outbox>, queue: Arc<dyn Queue>, context: Context) -> Self {
        Self { outbox, queue, context }
    }

    /// Publishes until told to stop. While outbox or queue are down it tries again, less and less
    /// often, and says so in the log.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::up_to(LONGEST);
        while !stop.is_cancelled() {
            let (works, wait) = match self.publish_batch().await {
                Ok(published) => {
                    backoff.reset();
                    if published >= BATCH {
                        continue;
                    }
                    (true, POLL)
                }
                Err(error) => {
                    let wait = backoff.next();
                    tracing::error!(%error, ?wait, "events were not published; the relay tries again");
                    (false, wait)
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                // One more event says nothing of what is down.
                () = self.outbox.changed(), if works => {}
                () = self.context.clock.sleep(wait) => {}
            }
        }
    }

    /// Publishes the events that are due now, one batch at most. Returns how many there were.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if outbox or queue fail; what was not published stays in the outbox.
    pub async fn publish_batch(&self) -> Result<usize, Error> {
        let events = self.outbox.lease(BATCH, self.context.now(), LEASE).await?;
        if events.is_empty() {
            return Ok(0);
        }
        if self.queue.publish_all(&events, self.context.now()).await.is_ok() {
            self.outbox.mark_published(&ids(&events)).await?;
            self.context.record(Measurement::Published { events: events.len() });
            return Ok(events.len());
        }
        self.publish_each(&events).await?;
        Ok(events.len())
    }

    /// Finds out which of these events the queue takes. One that it refuses for good keeps its lease,
    /// and so is offered again when that ends, while those behind it go on.
    async fn publish_each(&self, events: &[Event]) -> Result<(), Error> {
        let mut published: Vec<EventId> = Vec::with_capacity(events.len());
        let mut refused_in_a_row = 0;
        let mut failure = None;
        for (index, event) in events.iter().enumerate() {
            match self.queue.publish(event, self.context.now()).await {
                Ok(()) => {
                    published.push(event.id);
                    refused_in_a_row = 0;
                }
                Err(QueueError::Unavailable(fault)) if !fault.retryable && refused_in_a_row < REFUSALS => {
                    refused_in_a_row += 1;
                    let kind = event.payload.kind().as_str();
                    tracing::error!(error = %fault, event = %event.id, kind, again_in = ?LEASE,
                        "the queue refuses an event; those behind it go on");
                }
                Err(error) => {
                    failure = Some((index, error));
                    break;
                }
            }
        }
        self.outbox.mark_published(&published).await?;
        self.context.record(Measurement::Published { events: published.len() });
        let Some((index, error)) = failure else { return Ok(()) };
        self.outbox.release(&ids(&events[index..])).await?;
        Err(error.into())
    }
}

fn ids(events: &[Event]) -> Vec<EventId> {
    events.iter().map(|event| event.id).collect()
}
