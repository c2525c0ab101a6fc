use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mongodb::bson::{Bson, Document, doc};
use moodify_core::model::{Event, EventId, EventKind, LONGEST_WAIT, later};
use moodify_core::port::{
    Chosen, Consumer, DeadLetter, Delivery, DeliveryId, Depth, Letters, Queue, QueueError,
};

use super::database::Database;
use super::error::Fault;
use super::outbox::{Taking, event, readable};
use super::row::{Key, Row, json, micros, number};
use super::search;
use super::step::Find;

const COLLECTION: &str = "deliveries";
const SUBSCRIPTIONS: &str = "subscriptions";

/// How many dead letters are held at once while some are chosen.
const LETTERS: usize = 100;

/// A queue in a collection of the database: one delivery per event and consumer.
///
/// A settled delivery is remembered until it is [forgotten](Queue::forget), and in any case while its
/// event is still in the outbox of the same database: publishing it again in that time adds nothing.
/// What the event told is wiped as soon as it is settled.
#[derive(Clone)]
pub struct MongoQueue {
    database: Arc<Database>,
}

impl MongoQueue {
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    /// Leases open deliveries whose due moment passes this condition.
    async fn take(
        &self,
        consumer: &str,
        max: usize,
        due_at: Document,
        until: Timestamp,
    ) -> Result<Vec<Row>, Fault> {
        let taking = Taking {
            collection: COLLECTION,
            due: doc! { "consumer": consumer, "state": "open", "due_at": due_at },
            sort: doc! { "due_at": 1, "seq": 1, "number": 1 },
            take: doc! {
                "$inc": { "attempt": 1_i64, "silent": 1_i64 },
                "$set": { "due_at": micros(until), "leased": true },
            },
            max,
        };
        taking.run(&self.database).await
    }

    /// Dead letters in the order of their deaths, behind this one.
    async fn letters(
        &self,
        consumer: &str,
        after: Option<(Timestamp, EventId)>,
        max: usize,
    ) -> Result<Vec<Row>, Fault> {
        let mut dead = doc! { "consumer": consumer, "state": "dead" };
        if let Some((died_at, event)) = after {
            search::behind(&mut dead, "$gt", ("died_at", micros(died_at)), ("event_id", event.key()));
        }
        let query = Find::new(COLLECTION, dead).sort(doc! { "died_at": 1, "event_id": 1 }).limit(max);
        self.database.plain().find(query).await
    }

    /// Changes an open delivery, if this is still its newest attempt.
    async fn settle(&self, delivery: &DeliveryId, update: Document) -> Result<(), QueueError> {
        let newest = doc! {
            "event_id": delivery.event.key(),
            "consumer": delivery.consumer.as_str(),
            "attempt": i64::from(delivery.attempt),
            "state": "open",
        };
        self.database.plain().update(COLLECTION, newest, update).await?;
        Ok(())
    }

    /// Changes dead letters of a consumer.
    async fn change_dead(&self, consumer: &str, letters: Letters, update: Document) -> Result<u64, Fault> {
        let mut dead = doc! { "consumer": consumer, "state": "dead" };
        if let Letters::Of(event) = letters {
            dead.insert("event_id", event.key());
        }
        self.database.plain().update_all(COLLECTION, dead, update).await
    }
}

#[async_trait]
impl Queue for MongoQueue {
    async fn declare(&self, consumer: &Consumer) -> Result<(), QueueError> {
        let mut kinds: Vec<EventKind> = consumer.kinds.clone();
        kinds.sort();
        kinds.dedup();
        let kinds: Vec<Bson> = kinds.into_iter().map(|kind| kind.as_str().into()).collect();
        let set = doc! { "$set": { "kinds": kinds } };
        Ok(self.database.plain().upsert(SUBSCRIPTIONS, doc! { "_id": consumer.name }, set).await?)
    }

    async fn publish(&self, event: &Event, now: Timestamp) -> Result<(), QueueError> {
        self.publish_all(std::slice::from_ref(event), now).await
    }

    async fn publish_all(&self, events: &[Event], now: Timestamp) -> Result<(), QueueError> {
        let mut step = self.database.plain();
        let subscriptions = step.find(Find::new(SUBSCRIPTIONS, doc! {})).await?;
        let seq = self.database.next_number(COLLECTION).await?;
        let mut deliveries = Vec::new();
        for (index, event) in events.iter().enumerate() {
            let kind = Bson::from(event.payload.kind().as_str());
            for subscription in &subscriptions {
                let kinds = subscription.0.get_array("kinds").map_err(|_| Fault::stored("kinds"))?;
                if kinds.contains(&kind) {
                    deliveries.push(doc! {
                        "consumer": subscription.text("_id")?,
                        "event_id": event.id.key(),
                        "event": json(event)?,
                        "seq": seq,
                        "number": number(index),
                        "published_at": micros(now),
                        "state": "open",
                        "leased": false,
                        "attempt": 0_i64,
                        "failures": 0_i64,
                        "silent": 0_i64,
                        "due_at": 0_i64,
                    });
                }
            }
        }
        if step.insert_missing(COLLECTION, deliveries).await? > 0 {
            self.database.published.give();
        }
        Ok(())
    }

    async fn receive(
        &self,
        consumer: &str,
        max: usize,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        let until = later(now, lease);
        // Not `$lte now`: SecantusDB, which the tests run on, leaves the equal ones out.
        let mut rows = self.take(consumer, max, doc! { "$lt": micros(now) + 1 }, until).await?;
        if rows.len() < max {
            // Put off before the clock was set back; not what was just leased, however long the lease.
            let horizon = doc! { "$gt": micros(later(now, LONGEST_WAIT).max(until)) };
            rows.extend(self.take(consumer, max - rows.len(), horizon, until).await?);
        }
        Ok(readable(&rows, delivery))
    }

    async fn ack(&self, delivery: &DeliveryId) -> Result<(), QueueError> {
        self.settle(delivery, done()).await
    }

    async fn retry(&self, delivery: &DeliveryId, due: Timestamp, reason: &str) -> Result<(), QueueError> {
        let again = doc! { "due_at": micros(due), "leased": false, "reason": reason, "silent": 0_i64 };
        self.settle(delivery, doc! { "$set": again, "$inc": { "failures": 1_i64 } }).await
    }

    async fn postpone(&self, delivery: &DeliveryId, due: Timestamp) -> Result<(), QueueError> {
        let again = doc! { "due_at": micros(due), "leased": false, "silent": 0_i64 };
        self.settle(delivery, doc! { "$set": again }).await
    }

    async fn dead_letter(
        &self,
        delivery: &DeliveryId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let dead = doc! { "state": "dead", "reason": reason, "died_at": micros(now) };
        self.settle(delivery, doc! { "$set": dead }).await
    }

    async fn dead_letters(&self, consumer: &str, max: usize) -> Result<Vec<DeadLetter>, QueueError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        Ok(readable(&self.letters(consumer, None, max).await?, dead_letter))
    }

    async fn depth(&self, consumer: &str) -> Result<Depth, QueueError> {
        let mut step = self.database.plain();
        let waiting = step.count(COLLECTION, doc! { "consumer": consumer, "state": "open" }).await?;
        let dead = step.count(COLLECTION, doc! { "consumer": consumer, "state": "dead" }).await?;
        Ok(Depth { waiting, dead })
    }

    async fn replay(&self, consumer: &str, letters: Letters, _now: Timestamp) -> Result<u64, QueueError> {
        let again =
            doc! { "state": "open", "due_at": 0_i64, "leased": false, "failures": 0_i64, "silent": 0_i64 };
        let update = doc! { "$set": again, "$unset": { "died_at": "" } };
        let replayed = self.change_dead(consumer, letters, update).await?;
        if replayed > 0 {
            self.database.published.give();
        }
        Ok(replayed)
    }

    async fn discard(&self, consumer: &str, letters: Letters) -> Result<u64, QueueError> {
        Ok(self.change_dead(consumer, letters, done()).await?)
    }

    async fn discard_chosen(&self, consumer: &str, chosen: Chosen<'_>) -> Result<u64, QueueError> {
        let (mut discarded, mut after) = (0, None);
        loop {
            let page = self.letters(consumer, after, LETTERS).await?;
            let Some(last) = page.last() else { return Ok(discarded) };
            after = Some((last.time("died_at")?, last.id("event_id")?));
            for letter in readable(&page, dead_letter).iter().filter(|letter| chosen(letter)) {
                discarded += self.discard(consumer, Letters::Of(letter.event.id)).await?;
            }
        }
    }

    async fn forget(&self, published_before: Timestamp, max: usize) -> Result<u64, QueueError> {
        let mut step = self.database.plain();
        let old = doc! { "state": "done", "published_at": { "$lt": micros(published_before) } };
        if max == 0 {
            return Ok(0);
        }
        let settled = Find::new(COLLECTION, old).sort(doc! { "published_at": 1 }).limit(max);
        let settled = step.find(settled.fields(doc! { "event_id": 1 })).await?;
        let events: Vec<Bson> = settled.iter().filter_map(|row| row.0.get("event_id").cloned()).collect();
        let unpublished = Find::new("outbox", doc! { "_id": { "$in": events } }).fields(doc! { "_id": 1 });
        let unpublished = step.find(unpublished).await?;
        let kept: Vec<&Bson> = unpublished.iter().filter_map(|row| row.0.get("_id")).collect();
        let forgotten =
            settled.iter().filter(|row| row.0.get("event_id").is_none_or(|id| !kept.contains(&id)));
        let ids: Vec<Bson> = forgotten.filter_map(|row| row.0.get("_id").cloned()).collect();
        Ok(step.delete_all(COLLECTION, doc! { "_id": { "$in": ids } }).await?)
    }

    async fn changed(&self) {
        self.database.published.given().await;
    }
}

fn done() -> Document {
    doc! { "$set": { "state": "done", "event": "" }, "$unset": { "reason": "" } }
}

fn delivery_id(row: &Row) -> Result<DeliveryId, Fault> {
    Ok(DeliveryId {
        consumer: row.text("consumer")?.to_owned(),
        event: row.id("event_id")?,
        attempt: row.unsigned("attempt")?,
    })
}

fn delivery(row: &Row) -> Result<Delivery, Fault> {
    Ok(Delivery {
        id: delivery_id(row)?,
        event: event(row)?,
        failures: row.unsigned("failures")?,
        silent: row.unsigned("silent")?,
    })
}

fn dead_letter(row: &Row) -> Result<DeadLetter, Fault> {
    Ok(DeadLetter {
        id: delivery_id(row)?,
        event: event(row)?,
        reason: row.text("reason")?.to_owned(),
        died_at: row.time("died_at")?,
    })
}
