//! From the queue to a handler.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio_util::sync::CancellationToken;

use super::schedule::{Backoff, retry_after};
use super::{HandleError, Handler};
use crate::Error;
use crate::model::{SignedDuration, Timestamp};
use crate::port::{Delivery, Queue, QueueError};
use crate::service::Context;

/// How many events of a consumer are handled at once.
const CONCURRENCY: usize = 8;
/// The longest a handler may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Longer than [`TIMEOUT`], so that nobody else begins while a handler is still at it.
const LEASE: Duration = Duration::from_secs(60);
/// How late an event can be when the hint was lost.
const POLL: Duration = Duration::from_secs(1);

/// Feeds one handler. Any number of workers may share a consumer.
pub struct Worker {
    queue: Arc<dyn Queue>,
    handler: Arc<dyn Handler>,
    context: Context,
    name: &'static str,
}

impl Worker {
    /// A worker for this handler.
    pub fn new(queue: Arc<dyn Queue>, handler: Arc<dyn Handler>, context: Context) -> Self {
        let name = handler.consumer().name;
        Self { queue, handler, context, name }
    }

    /// Handles events until told to stop, then finishes what it has begun. One slow event does not
    /// hold up the others. While the queue is down it tries again, less and less often, and says
    /// so in the log.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::new();
        let mut running = FuturesUnordered::new();
        while !stop.is_cancelled() {
            let wait = match self.receive(CONCURRENCY - running.len()).await {
                Ok(deliveries) => {
                    backoff.reset();
                    running.extend(deliveries.into_iter().map(|delivery| self.process(delivery)));
                    POLL
                }
                Err(error) => {
                    let wait = backoff.next();
                    tracing::error!(%error, consumer = self.name, ?wait, "no events received; the worker tries again");
                    wait
                }
            };
            let has_room = running.len() < CONCURRENCY;
            tokio::select! {
                () = stop.cancelled() => {}
                Some(()) = running.next() => {}
                () = self.queue.changed(), if has_room => {}
                () = self.context.clock.sleep(wait), if has_room => {}
            }
        }
        while running.next().await.is_some() {}
    }

    /// Handles what is due now, and returns how many events that were.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the queue fails.
    pub async fn handle_due(&self) -> Result<usize, Error> {
        let deliveries = self.receive(CONCURRENCY).await?;
        let count = deliveries.len();
        let mut running: FuturesUnordered<_> = deliveries.into_iter().map(|d| self.process(d)).collect();
        while running.next().await.is_some() {}
        Ok(count)
    }

    async fn receive(&self, max: usize) -> Result<Vec<Delivery>, QueueError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        self.queue.receive(self.name, max, self.context.now(), LEASE).await
    }

    async fn process(&self, delivery: Delivery) {
        let outcome = tokio::select! {
            outcome = self.handler.handle(&delivery.event) => outcome,
            () = self.context.clock.sleep(TIMEOUT) => {
                Err(HandleError::Later { reason: format!("no answer within {TIMEOUT:?}") })
            }
        };
        if let Err(error) = self.settle(&delivery, outcome).await {
            // The lease runs out and the event comes again: handlers are idempotent.
            tracing::warn!(%error, consumer = self.name, event = %delivery.event.id, "an event was not settled");
        }
    }

    async fn settle(&self, delivery: &Delivery, outcome: Result<(), HandleError>) -> Result<(), QueueError> {
        let now = self.context.now();
        match outcome {
            Ok(()) => self.queue.ack(&delivery.id).await,
            Err(HandleError::Held { until }) => {
                self.queue.retry(&delivery.id, until, "somebody else is at it").await
            }
            Err(HandleError::Later { reason }) => match retry_after(delivery.id.attempt, &self.context) {
                Some(wait) => self.retry(delivery, later(now, wait), &reason).await,
                None => self.give_up(delivery, &reason, now).await,
            },
            Err(HandleError::Never { reason }) => self.give_up(delivery, &reason, now).await,
        }
    }

    async fn retry(&self, delivery: &Delivery, due: Timestamp, reason: &str) -> Result<(), QueueError> {
        let attempt = delivery.id.attempt;
        tracing::warn!(consumer = self.name, event = %delivery.event.id, attempt, reason, %due, "to be tried again");
        self.queue.retry(&delivery.id, due, reason).await
    }

    async fn give_up(&self, delivery: &Delivery, reason: &str, now: Timestamp) -> Result<(), QueueError> {
        tracing::error!(consumer = self.name, event = %delivery.event.id, reason, "given up: it is a dead letter now");
        self.queue.dead_letter(&delivery.id, reason, now).await
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
