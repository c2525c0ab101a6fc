//! A queue and a send log on a technology with troubles of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use moodify_core::model::{Event, EventId, MailKind, Timestamp};
use moodify_core::port::{
    Claim, Consumer, DeadLetter, Delivery, DeliveryId, Depth, Letters, Queue, QueueError, SendLog,
    SendLogError, Unavailable,
};

type Refusal = dyn Fn(&Event) -> Option<Unavailable> + Send + Sync;

pub(crate) struct Troubled {
    queue: Arc<dyn Queue>,
    /// Why it does not take this event.
    refuses: Box<Refusal>,
    /// Calls need a turn, and time for it, as those of a database with one writing connection do;
    /// and there is always a hint, so that the worker asks while handlers hold their turn.
    turns: Option<tokio::sync::Mutex<()>>,
    /// How many deliveries it gave out.
    pub(crate) given: AtomicUsize,
}

impl Troubled {
    /// Takes an event unless there is a reason not to.
    pub(crate) fn refusing(
        queue: Arc<dyn Queue>,
        refuses: impl Fn(&Event) -> Option<Unavailable> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { queue, refuses: Box::new(refuses), turns: None, given: AtomicUsize::new(0) })
    }

    /// Serves one call at a time.
    pub(crate) fn in_turns(queue: Arc<dyn Queue>) -> Arc<Self> {
        let turns = Some(tokio::sync::Mutex::default());
        Arc::new(Self { queue, refuses: Box::new(|_| None), turns, given: AtomicUsize::new(0) })
    }

    async fn turn(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let turn = self.turns.as_ref()?.lock().await;
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        Some(turn)
    }
}

#[async_trait]
impl Queue for Troubled {
    async fn declare(&self, consumer: &Consumer) -> Result<(), QueueError> {
        self.queue.declare(consumer).await
    }

    async fn publish(&self, event: &Event, now: Timestamp) -> Result<(), QueueError> {
        match (self.refuses)(event) {
            Some(fault) => Err(fault.into()),
            None => self.queue.publish(event, now).await,
        }
    }

    async fn receive(
        &self,
        consumer: &str,
        max: usize,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        let turn = self.turn().await;
        // One at once: then the worker asks again while the first is being handled.
        let max = if turn.is_some() { max.min(1) } else { max };
        let deliveries = self.queue.receive(consumer, max, now, lease).await?;
        self.given.fetch_add(deliveries.len(), Ordering::Relaxed);
        Ok(deliveries)
    }

    async fn ack(&self, delivery: &DeliveryId) -> Result<(), QueueError> {
        let _turn = self.turn().await;
        self.queue.ack(delivery).await
    }

    async fn retry(&self, delivery: &DeliveryId, due: Timestamp, reason: &str) -> Result<(), QueueError> {
        self.queue.retry(delivery, due, reason).await
    }

    async fn postpone(&self, delivery: &DeliveryId, due: Timestamp) -> Result<(), QueueError> {
        self.queue.postpone(delivery, due).await
    }

    async fn dead_letter(&self, d: &DeliveryId, reason: &str, now: Timestamp) -> Result<(), QueueError> {
        self.queue.dead_letter(d, reason, now).await
    }

    async fn dead_letters(&self, consumer: &str, max: usize) -> Result<Vec<DeadLetter>, QueueError> {
        self.queue.dead_letters(consumer, max).await
    }

    async fn replay(&self, consumer: &str, letters: Letters, now: Timestamp) -> Result<u64, QueueError> {
        self.queue.replay(consumer, letters, now).await
    }

    async fn discard(&self, consumer: &str, letters: Letters) -> Result<u64, QueueError> {
        self.queue.discard(consumer, letters).await
    }

    async fn forget(&self, published_before: Timestamp, max: usize) -> Result<u64, QueueError> {
        self.queue.forget(published_before, max).await
    }

    async fn depth(&self, consumer: &str) -> Result<Depth, QueueError> {
        self.queue.depth(consumer).await
    }

    async fn changed(&self) {
        if self.turns.is_none() {
            self.queue.changed().await;
        }
    }
}

/// A send log that counts claims, and takes no note of some mails that went out.
pub(crate) struct Forgetful {
    log: Arc<dyn SendLog>,
    /// How many notes it refuses.
    pub(crate) refuses: AtomicUsize,
    pub(crate) claims: AtomicUsize,
}

impl Forgetful {
    pub(crate) fn new(log: Arc<dyn SendLog>, refuses: usize) -> Arc<Self> {
        Arc::new(Self { log, refuses: AtomicUsize::new(refuses), claims: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl SendLog for Forgetful {
    async fn claim(
        &self,
        event: EventId,
        kind: MailKind,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Claim, SendLogError> {
        self.claims.fetch_add(1, Ordering::Relaxed);
        self.log.claim(event, kind, now, lease).await
    }

    async fn mark_sent(&self, event: EventId, kind: MailKind, now: Timestamp) -> Result<(), SendLogError> {
        let one_less = |left: usize| left.checked_sub(1);
        if self.refuses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
            return Err(Unavailable::passing("the database is gone").into());
        }
        self.log.mark_sent(event, kind, now).await
    }

    async fn release(&self, event: EventId, kind: MailKind) -> Result<(), SendLogError> {
        self.log.release(event, kind).await
    }

    async fn mark_unanswered(
        &self,
        event: EventId,
        kind: MailKind,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<u32, SendLogError> {
        self.log.mark_unanswered(event, kind, now, until).await
    }

    async fn pace(&self, sender: &str) -> Result<Option<Timestamp>, SendLogError> {
        self.log.pace(sender).await
    }

    async fn set_pace(
        &self,
        sender: &str,
        from: Option<Timestamp>,
        to: Timestamp,
    ) -> Result<bool, SendLogError> {
        self.log.set_pace(sender, from, to).await
    }

    async fn forget(&self, before: Timestamp, max: usize) -> Result<u64, SendLogError> {
        self.log.forget(before, max).await
    }
}
