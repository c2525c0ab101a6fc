//! From the outbox to the queue.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::schedule::Backoff;
use crate::Error;
use crate::model::EventId;
use crate::port::{Measurement, Outbox, Queue};
use crate::service::Context;

const BATCH: usize = 100;
/// Longer than publishing a batch takes; after a crash the events wait this long.
const LEASE: Duration = Duration::from_secs(30);
/// How late an event can be when the hint was lost.
const POLL: Duration = Duration::from_secs(1);

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
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let wait = match self.publish_batch().await {
                Ok(BATCH..) => continue,
                Ok(_) => {
                    backoff.reset();
                    POLL
                }
                Err(error) => {
                    let wait = backoff.next();
                    tracing::error!(%error, ?wait, "events were not published; the relay tries again");
                    wait
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.outbox.changed() => {}
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
        let mut published: Vec<EventId> = Vec::with_capacity(events.len());
        let mut failure = None;
        for event in &events {
            if let Err(error) = self.queue.publish(event, self.context.now()).await {
                failure = Some(error);
                break;
            }
            published.push(event.id);
        }
        self.outbox.mark_published(&published).await?;
        self.context.record(Measurement::Published { events: published.len() });
        let Some(failure) = failure else { return Ok(events.len()) };
        let rest: Vec<EventId> = events[published.len()..].iter().map(|event| event.id).collect();
        self.outbox.release(&rest).await?;
        Err(failure.into())
    }
}
