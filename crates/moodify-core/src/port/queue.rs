use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Unavailable;
use crate::model::{Event, EventId, EventKind};

/// A topic with named consumers: each gets each event of the kinds it asked for, at least once,
/// with its own retries and dead letters.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Makes this consumer known, for good. Events published from now on are kept for it, even
    /// while it does not run. Declaring it again replaces its kinds; what is kept already stays,
    /// also of kinds it no longer asks for. An adapter whose technology is out of reach just now may
    /// return `Ok` if it makes the consumer known before it publishes anything.
    async fn declare(&self, consumer: &Consumer) -> Result<(), QueueError>;

    /// Hands an event over. When this returns `Ok`, the event is durable for every consumer that
    /// was declared with its kind, and due from `now` on; with no such consumer it is dropped.
    ///
    /// Publishing an event again while a consumer's delivery of it waits, is leased or is a dead
    /// letter adds no second one where the technology keeps deliveries by event. One that cannot look
    /// for them may add one: consumers are idempotent in any case, for a relay that dies between a
    /// publication and its note of it publishes again.
    ///
    /// A fault that is not [`retryable`](Unavailable::retryable) is about these very events: the relay
    /// goes on with those behind them.
    async fn publish(&self, event: &Event, now: Timestamp) -> Result<(), QueueError>;

    /// Publishes events in their order, as [`publish`](Self::publish) does each. After an error some
    /// of them may be in the queue and others not. An adapter overrides this where many at once cost
    /// less than each alone.
    async fn publish_all(&self, events: &[Event], now: Timestamp) -> Result<(), QueueError> {
        for event in events {
            self.publish(event, now).await?;
        }
        Ok(())
    }

    /// Up to `max` deliveries that are due, in the order of publishing where nothing was retried,
    /// leased until `now + lease`: from that moment on they come again, as a new attempt, unless
    /// acknowledged, retried, postponed or dead-lettered. Returns at once, empty when nothing is due.
    /// What is due as [`is_due`](crate::model::is_due) has it: a clock that was set back holds
    /// nothing up for longer than [`LONGEST_WAIT`](crate::model::LONGEST_WAIT). A technology that
    /// waits by itself may be a little late, but never early; and what a broken connection gave back
    /// to it may come again, elsewhere, before the lease ends.
    async fn receive(
        &self,
        consumer: &str,
        max: usize,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<Delivery>, QueueError>;

    /// The work is done. Counts as long as this is the newest attempt, even when its lease has
    /// passed; once the delivery was received again, this and the next three change nothing: it is
    /// left to whoever holds it now. What the event told is wiped. An error says that this could not be
    /// noted: it comes again.
    async fn ack(&self, delivery: &DeliveryId) -> Result<(), QueueError>;

    /// The work failed for now: deliver it again from `due` on, as a new attempt with one failure
    /// more.
    async fn retry(&self, delivery: &DeliveryId, due: Timestamp, reason: &str) -> Result<(), QueueError>;

    /// The work is not done, but nothing failed: deliver it again from `due` on, as a new attempt.
    async fn postpone(&self, delivery: &DeliveryId, due: Timestamp) -> Result<(), QueueError>;

    /// The work failed for good: keep it with the reason until somebody decides.
    async fn dead_letter(
        &self,
        delivery: &DeliveryId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), QueueError>;

    /// The dead letters of a consumer, longest dead first, at most `max`.
    async fn dead_letters(&self, consumer: &str, max: usize) -> Result<Vec<DeadLetter>, QueueError>;

    /// How much is kept for a consumer, without touching it. Cheap: asked every few seconds.
    async fn depth(&self, consumer: &str) -> Result<Depth, QueueError>;

    /// Gives dead letters back to the consumer: due at once, as if nothing had failed yet. The
    /// attempts are counted on. Returns how many there were.
    async fn replay(&self, consumer: &str, letters: Letters, now: Timestamp) -> Result<u64, QueueError>;

    /// Gives dead letters up for good, as if they had been acknowledged. Returns how many there were.
    async fn discard(&self, consumer: &str, letters: Letters) -> Result<u64, QueueError>;

    /// Gives up the dead letters that are `chosen`, wherever they stand, and returns how many there
    /// were; one that dies meanwhile may be left out. An adapter overrides this where it need not hold
    /// all of them at once.
    async fn discard_chosen(&self, consumer: &str, chosen: Chosen<'_>) -> Result<u64, QueueError> {
        let dead = usize::try_from(self.depth(consumer).await?.dead).unwrap_or(usize::MAX);
        let mut discarded = 0;
        for letter in self.dead_letters(consumer, dead).await?.iter().filter(|letter| chosen(letter)) {
            discarded += self.discard(consumer, Letters::Of(letter.event.id)).await?;
        }
        Ok(discarded)
    }

    /// Forgets up to `max` deliveries of events that were published before that moment and are
    /// settled, dead letters aside, and returns how many. Until then publishing such an event again
    /// may add nothing; an adapter that remembers nothing has nothing to forget.
    async fn forget(&self, published_before: Timestamp, max: usize) -> Result<u64, QueueError>;

    /// Returns when something may have become due since the last call returned, or never: a hint
    /// as in [`Outbox::changed`](super::Outbox::changed).
    async fn changed(&self);

    /// Whether it works, tried without touching anything that somebody else may see. A queue that lives
    /// in a store has nothing to try that the store's own check does not.
    async fn check(&self) -> Result<(), QueueError> {
        Ok(())
    }

    /// Lets go of everything, in good order: what is leased and not settled is for others at once. Calls
    /// after this one fail. A queue that lives in a store ends with it.
    async fn close(&self) {}
}

/// Who wants which events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Stable name: `notification`, `music`, `sync`.
    pub name: &'static str,
    /// The kinds it asks for.
    pub kinds: Vec<EventKind>,
}

/// One attempt to hand one event to one consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryId {
    /// The consumer.
    pub consumer: String,
    /// The event.
    pub event: EventId,
    /// Counts the attempts from 1: an acknowledgement of an older attempt changes nothing.
    pub attempt: u32,
}

/// An event on its way to a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What to acknowledge.
    pub id: DeliveryId,
    /// The event.
    pub event: Event,
    /// How often it was [retried](Queue::retry) since it was published or replayed.
    pub failures: u32,
    /// How often it was received since anything was last heard of it, this time included: more than
    /// a few times means that whoever handles it does not live to say so.
    pub silent: u32,
}

/// Which dead letters of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    /// All of them.
    All,
    /// The one of this event, if there is one.
    Of(EventId),
}

/// Whether this dead letter is meant.
pub type Chosen<'a> = &'a (dyn Fn(&DeadLetter) -> bool + Send + Sync);

/// An event that a consumer could not handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The last attempt.
    pub id: DeliveryId,
    /// The event.
    pub event: Event,
    /// Why it was given up.
    pub reason: String,
    /// When it was given up.
    pub died_at: Timestamp,
}

/// What a [`Queue`] keeps for one consumer; all zero for one that is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Deliveries that are not settled: due, or to be retried later. What is leased just now may be
    /// left out.
    pub waiting: u64,
    /// Dead letters.
    pub dead: u64,
}

/// Why a [`Queue`] failed.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The technology failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
