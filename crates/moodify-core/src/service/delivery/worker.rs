//! From the queue to a handler.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::schedule::{Backoff, MAX_SILENT, retry_after};
use super::{HandleError, Handler};
use crate::Error;
use crate::model::{AccountId, EventPayload, Timestamp, later};
use crate::port::{DeadLetter, Delivery, DeliveryOutcome, Measurement, Queue, QueueError};
use crate::service::Context;

/// How many events of a consumer are handled at once.
const CONCURRENCY: usize = 8;
/// The longest a handler may take; then it is dropped, and the event tried again.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// Longer than [`TIMEOUT`], so that nobody else begins while a handler is still at it.
const LEASE: Duration = Duration::from_secs(60);
/// How late an event can be when the hint was lost.
const POLL: Duration = Duration::from_secs(1);

/// Feeds one handler. Any number of workers may share a consumer.
#[derive(Clone)]
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
        let mut running = JoinSet::new();
        while !stop.is_cancelled() {
            let wait = match self.receive(CONCURRENCY - running.len()).await {
                Ok(deliveries) => {
                    backoff.reset();
                    self.begin(deliveries, &mut running);
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
                Some(ended) = running.join_next() => self.note(ended),
                () = self.queue.changed(), if has_room => {}
                () = self.context.clock.sleep(wait), if has_room => {}
            }
        }
        self.finish(running).await;
    }

    /// Handles what is due now, and returns how many events that were.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the queue fails.
    pub async fn handle_due(&self) -> Result<usize, Error> {
        let deliveries = self.receive(CONCURRENCY).await?;
        let count = deliveries.len();
        let mut running = JoinSet::new();
        self.begin(deliveries, &mut running);
        self.finish(running).await;
        Ok(count)
    }

    // A task each: futures that this loop had to poll would stand still, with the database
    // connection they hold, whenever the loop itself waits for one.
    fn begin(&self, deliveries: Vec<Delivery>, running: &mut JoinSet<()>) {
        for delivery in deliveries {
            let worker = self.clone();
            let span = self.span(&delivery);
            running.spawn(async move { worker.process(delivery).await }.instrument(span));
        }
    }

    /// Goes on with the trace in which the event happened.
    fn span(&self, delivery: &Delivery) -> Span {
        let event = &delivery.event;
        let span = tracing::info_span!(
            "deliver",
            consumer = self.name,
            event = %event.id,
            kind = event.payload.kind().as_str(),
            attempt = delivery.id.attempt,
        );
        if let Some(trace) = &event.trace {
            self.context.tracer.resume(&span, trace);
        }
        span
    }

    async fn finish(&self, mut running: JoinSet<()>) {
        while let Some(ended) = running.join_next().await {
            self.note(ended);
        }
    }

    fn note(&self, ended: Result<(), JoinError>) {
        if let Err(error) = ended {
            // The lease runs out and the event comes again, until its attempts are used up.
            tracing::error!(%error, consumer = self.name, "a handler panicked");
        }
    }

    async fn receive(&self, max: usize) -> Result<Vec<Delivery>, QueueError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        self.queue.receive(self.name, max, self.context.now(), LEASE).await
    }

    async fn process(&self, delivery: Delivery) {
        let outcome = if delivery.silent > MAX_SILENT {
            Err(HandleError::Never { reason: format!("no answer in {MAX_SILENT} attempts") })
        } else {
            self.handle(&delivery).await
        };
        if let Err(error) = self.settle(&delivery, outcome).await {
            // The lease runs out and the event comes again: handlers are idempotent.
            tracing::warn!(%error, consumer = self.name, event = %delivery.event.id, "an event was not settled");
        }
    }

    async fn handle(&self, delivery: &Delivery) -> Result<(), HandleError> {
        tokio::select! {
            outcome = self.handler.handle(&delivery.event) => outcome,
            () = self.context.clock.sleep(TIMEOUT) => {
                Err(HandleError::Later { reason: format!("no answer within {TIMEOUT:?}") })
            }
        }
    }

    async fn settle(&self, delivery: &Delivery, outcome: Result<(), HandleError>) -> Result<(), QueueError> {
        let now = self.context.now();
        match outcome {
            Ok(()) => {
                if let EventPayload::AccountDeleted(deleted) = &delivery.event.payload {
                    self.discard_letters_about(deleted.account_id).await?;
                }
                self.queue.ack(&delivery.id).await?;
                self.record(delivery, DeliveryOutcome::Handled);
                Ok(())
            }
            Err(HandleError::Held { until }) => self.queue.postpone(&delivery.id, until).await,
            Err(HandleError::Unfinished) => self.queue.postpone(&delivery.id, now).await,
            Err(HandleError::Later { reason }) => match retry_after(delivery.failures, &self.context) {
                Some(wait) => self.retry(delivery, later(now, wait), &reason).await,
                None => self.give_up(delivery, &reason, now).await,
            },
            Err(HandleError::Never { reason }) => self.give_up(delivery, &reason, now).await,
        }
    }

    /// Dead letters hold names, addresses and links: they go with the account.
    async fn discard_letters_about(&self, account: AccountId) -> Result<(), QueueError> {
        let theirs = |letter: &DeadLetter| letter.event.payload.account() == Some(account);
        self.queue.discard_chosen(self.name, &theirs).await?;
        Ok(())
    }

    async fn retry(&self, delivery: &Delivery, due: Timestamp, reason: &str) -> Result<(), QueueError> {
        let attempt = delivery.id.attempt;
        tracing::warn!(consumer = self.name, event = %delivery.event.id, attempt, reason, %due, "to be tried again");
        self.record(delivery, DeliveryOutcome::Retried);
        self.queue.retry(&delivery.id, due, reason).await
    }

    async fn give_up(&self, delivery: &Delivery, reason: &str, now: Timestamp) -> Result<(), QueueError> {
        tracing::error!(consumer = self.name, event = %delivery.event.id, reason, "given up: it is a dead letter now");
        self.record(delivery, DeliveryOutcome::DeadLettered);
        self.queue.dead_letter(&delivery.id, reason, now).await
    }

    fn record(&self, delivery: &Delivery, outcome: DeliveryOutcome) {
        // A clock that went back makes nothing younger than new.
        let age = self.context.now().duration_since(delivery.event.occurred_at);
        let age = Duration::try_from(age).unwrap_or_default();
        self.context.record(Measurement::Delivered { consumer: self.name, outcome, age });
    }
}
