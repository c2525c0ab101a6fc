use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::hint::Hint;
use crate::model::{Event, EventKind, is_due, later};
use crate::port::{Consumer, DeadLetter, Delivery, DeliveryId, Depth, Letters, Queue, QueueError};

/// A queue for one process.
#[derive(Debug, Default)]
pub struct MemoryQueue {
    consumers: Mutex<HashMap<String, Inbox>>,
    due: Hint,
}

/// What is kept for one consumer, in the order of publishing.
#[derive(Debug, Default)]
struct Inbox {
    kinds: Vec<EventKind>,
    waiting: Vec<Waiting>,
    dead: Vec<DeadLetter>,
}

#[derive(Debug)]
struct Waiting {
    event: Event,
    /// How often it was delivered.
    attempts: u32,
    failures: u32,
    silent: u32,
    /// Not before this moment: the publishing, the end of a lease, or when a retry is due.
    due: Timestamp,
}

impl Inbox {
    fn knows(&self, event: &Event) -> bool {
        self.waiting.iter().any(|waiting| waiting.event.id == event.id)
            || self.dead.iter().any(|letter| letter.event.id == event.id)
    }

    fn take_dead(&mut self, letters: Letters) -> Vec<DeadLetter> {
        let chosen = |letter: &mut DeadLetter| match letters {
            Letters::All => true,
            Letters::Of(event) => letter.event.id == event,
        };
        self.dead.extract_if(.., chosen).collect()
    }

    /// Where this delivery waits; `None` when it is settled or was received again since.
    fn newest(&self, delivery: &DeliveryId) -> Option<usize> {
        self.waiting
            .iter()
            .position(|waiting| waiting.event.id == delivery.event && waiting.attempts == delivery.attempt)
    }
}

impl MemoryQueue {
    /// A queue that no consumer is known to.
    pub fn new() -> Self {
        Self::default()
    }

    /// No method leaves an inbox half changed, so a panic in one spoils nothing for the next.
    fn consumers(&self) -> MutexGuard<'_, HashMap<String, Inbox>> {
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn declare(&self, consumer: &Consumer) -> Result<(), QueueError> {
        self.consumers().entry(consumer.name.to_owned()).or_default().kinds = consumer.kinds.clone();
        Ok(())
    }

    async fn publish(&self, event: &Event, now: Timestamp) -> Result<(), QueueError> {
        for inbox in self.consumers().values_mut() {
            if inbox.kinds.contains(&event.payload.kind()) && !inbox.knows(event) {
                inbox.waiting.push(Waiting {
                    event: event.clone(),
                    attempts: 0,
                    failures: 0,
                    silent: 0,
                    due: now,
                });
            }
        }
        self.due.give();
        Ok(())
    }

    async fn receive(
        &self,
        consumer: &str,
        max: usize,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        let mut consumers = self.consumers();
        let Some(inbox) = consumers.get_mut(consumer) else {
            return Ok(Vec::new());
        };
        let due = inbox.waiting.iter_mut().filter(|waiting| is_due(waiting.due, now));
        let deliver = |waiting: &mut Waiting| {
            waiting.attempts += 1;
            waiting.silent += 1;
            waiting.due = later(now, lease);
            let event = waiting.event.clone();
            let id = DeliveryId { consumer: consumer.to_owned(), event: event.id, attempt: waiting.attempts };
            Delivery { id, event, failures: waiting.failures, silent: waiting.silent }
        };
        Ok(due.take(max).map(deliver).collect())
    }

    async fn ack(&self, delivery: &DeliveryId) -> Result<(), QueueError> {
        if let Some(inbox) = self.consumers().get_mut(&delivery.consumer)
            && let Some(index) = inbox.newest(delivery)
        {
            inbox.waiting.remove(index);
        }
        Ok(())
    }

    async fn retry(&self, delivery: &DeliveryId, due: Timestamp, reason: &str) -> Result<(), QueueError> {
        if let Some(inbox) = self.consumers().get_mut(&delivery.consumer)
            && let Some(index) = inbox.newest(delivery)
        {
            tracing::debug!(consumer = delivery.consumer, event = %delivery.event, reason, "delivered again later");
            let waiting = &mut inbox.waiting[index];
            (waiting.due, waiting.silent) = (due, 0);
            waiting.failures += 1;
        }
        self.due.give();
        Ok(())
    }

    async fn postpone(&self, delivery: &DeliveryId, due: Timestamp) -> Result<(), QueueError> {
        if let Some(inbox) = self.consumers().get_mut(&delivery.consumer)
            && let Some(index) = inbox.newest(delivery)
        {
            let waiting = &mut inbox.waiting[index];
            (waiting.due, waiting.silent) = (due, 0);
        }
        self.due.give();
        Ok(())
    }

    async fn dead_letter(
        &self,
        delivery: &DeliveryId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        if let Some(inbox) = self.consumers().get_mut(&delivery.consumer)
            && let Some(index) = inbox.newest(delivery)
        {
            let event = inbox.waiting.remove(index).event;
            let letter = DeadLetter { id: delivery.clone(), event, reason: reason.to_owned(), died_at: now };
            inbox.dead.push(letter);
        }
        Ok(())
    }

    async fn dead_letters(&self, consumer: &str, max: usize) -> Result<Vec<DeadLetter>, QueueError> {
        let consumers = self.consumers();
        let mut letters = consumers.get(consumer).map(|inbox| inbox.dead.clone()).unwrap_or_default();
        letters.sort_by_key(|letter| letter.died_at);
        letters.truncate(max);
        Ok(letters)
    }

    async fn depth(&self, consumer: &str) -> Result<Depth, QueueError> {
        let consumers = self.consumers();
        let depth =
            |inbox: &Inbox| Depth { waiting: inbox.waiting.len() as u64, dead: inbox.dead.len() as u64 };
        Ok(consumers.get(consumer).map(depth).unwrap_or_default())
    }

    async fn replay(&self, consumer: &str, letters: Letters, now: Timestamp) -> Result<u64, QueueError> {
        let mut consumers = self.consumers();
        let Some(inbox) = consumers.get_mut(consumer) else { return Ok(0) };
        let chosen = inbox.take_dead(letters);
        let count = chosen.len() as u64;
        inbox.waiting.extend(chosen.into_iter().map(|letter| Waiting {
            event: letter.event,
            attempts: letter.id.attempt,
            failures: 0,
            silent: 0,
            due: now,
        }));
        self.due.give();
        Ok(count)
    }

    async fn discard(&self, consumer: &str, letters: Letters) -> Result<u64, QueueError> {
        let mut consumers = self.consumers();
        Ok(consumers.get_mut(consumer).map_or(0, |inbox| inbox.take_dead(letters).len() as u64))
    }

    /// Settled deliveries are not remembered.
    async fn forget(&self, _published_before: Timestamp, _max: usize) -> Result<u64, QueueError> {
        Ok(0)
    }

    async fn changed(&self) {
        self.due.given().await;
    }
}
