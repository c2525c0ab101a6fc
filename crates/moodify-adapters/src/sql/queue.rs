use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use moodify_core::model::{Event, EventKind, LONGEST_WAIT, later};
use moodify_core::port::{
    Chosen, Consumer, DeadLetter, Delivery, DeliveryId, Depth, Letters, Queue, QueueError,
};

use super::database::{Database, Row, Statement, Topic, Transaction};
use super::error::Fault;
use super::outbox::{encode, event, in_order, readable};
use crate::hint::Hint;

/// How many dead letters are held at once while some are chosen.
const LETTERS: usize = 100;

/// A queue in the tables of the database: one delivery row per event and consumer.
///
/// A settled delivery is remembered until it is [forgotten](Queue::forget), and in any case while its
/// event is still in the outbox of the same database: publishing it again in that time adds nothing.
/// What the event told is wiped as soon as it is settled.
#[derive(Clone)]
pub struct SqlQueue {
    database: Arc<Database>,
    published: Hint,
}

impl SqlQueue {
    pub(super) fn new(database: Arc<Database>) -> Self {
        let published = database.hint(Topic::Queue);
        Self { database, published }
    }

    /// Leases open deliveries that are due before or after this moment.
    async fn take(
        &self,
        consumer: &str,
        max: usize,
        before_or_after: &'static str,
        moment: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Row>, Fault> {
        // As the outbox leases.
        let update = Statement::new(
            "WITH due AS MATERIALIZED (
                 SELECT seq FROM deliveries WHERE consumer = $2 AND state = 'open' AND due_at ",
        );
        let update = update.then(before_or_after).then(" $3 ORDER BY due_at, seq LIMIT $4");
        let update = update.skip_locked().then(
            ") UPDATE deliveries SET attempt = attempt + 1, silent = silent + 1, due_at = $1, leased = 1
             WHERE seq IN (SELECT seq FROM due)
             RETURNING seq, consumer, event_id, event, attempt, failures, silent",
        );
        let update = update.bind(until).bind(consumer).bind(moment).bind(max);
        self.database.run_returning(update).await
    }

    /// Dead letters in the order of their deaths, behind this one.
    async fn letters(
        &self,
        consumer: &str,
        after: Option<(Timestamp, u64)>,
        max: usize,
    ) -> Result<Vec<Row>, Fault> {
        let mut query = Statement::new(
            "SELECT seq, consumer, event_id, event, attempt, reason, died_at FROM deliveries
             WHERE state = 'dead' AND consumer = ",
        );
        query.push_bind(consumer);
        if let Some((died_at, seq)) = after {
            query.push(" AND (died_at, seq) > (").push_bind(died_at).push(", ").push_bind(seq).push(")");
        }
        query.push(" ORDER BY died_at, seq LIMIT ").push_bind(max);
        self.database.all(query).await
    }

    /// Changes an open delivery, if this is still its newest attempt.
    async fn settle(&self, update: Statement, delivery: &DeliveryId) -> Result<(), QueueError> {
        let update = update.bind(delivery.consumer.as_str()).bind(delivery.event).bind(delivery.attempt);
        self.database.run(update).await?;
        Ok(())
    }
}

#[async_trait]
impl Queue for SqlQueue {
    async fn declare(&self, consumer: &Consumer) -> Result<(), QueueError> {
        let mut transaction = self.database.begin().await?;
        // Of two processes that declare it at once, the second must see what the first has written.
        transaction.lock_name(format!("subscriptions of {}", consumer.name)).await?;
        let delete = Statement::new("DELETE FROM subscriptions WHERE consumer = $1");
        transaction.run(delete.bind(consumer.name)).await?;
        let mut kinds: Vec<EventKind> = consumer.kinds.clone();
        kinds.sort();
        kinds.dedup();
        if !kinds.is_empty() {
            let mut insert = Statement::new("INSERT INTO subscriptions (consumer, kind) VALUES ").one_off();
            insert.push_list(kinds, |list, kind| {
                list.push("(").push_bind(consumer.name).push(", ").push_bind(kind.as_str()).push(")");
            });
            transaction.run(insert).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn publish(&self, event: &Event, now: Timestamp) -> Result<(), QueueError> {
        self.publish_all(std::slice::from_ref(event), now).await
    }

    /// All of them in one atomic step, or none.
    async fn publish_all(&self, events: &[Event], now: Timestamp) -> Result<(), QueueError> {
        let mut transaction = self.database.begin().await?;
        let mut added = 0;
        for event in events {
            added += add(&mut transaction, event, now).await?;
        }
        transaction.commit().await?;
        if added > 0 {
            self.published.give();
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
        let mut rows = self.take(consumer, max, "<=", now, until).await?;
        if rows.len() < max {
            // Put off before the clock was set back; not what was just leased, however long the lease.
            // A statement of its own: with OR in the other every call would sort all that is due.
            let horizon = later(now, LONGEST_WAIT).max(until);
            rows.extend(self.take(consumer, max - rows.len(), ">", horizon, until).await?);
        }
        Ok(readable(in_order(&rows)?, delivery))
    }

    async fn ack(&self, delivery: &DeliveryId) -> Result<(), QueueError> {
        let done = "UPDATE deliveries SET state = 'done', event = '', reason = NULL
                    WHERE consumer = $1 AND event_id = $2 AND attempt = $3 AND state = 'open'";
        self.settle(Statement::new(done), delivery).await
    }

    async fn retry(&self, delivery: &DeliveryId, due: Timestamp, reason: &str) -> Result<(), QueueError> {
        let again = "UPDATE deliveries SET due_at = $1, leased = 0, reason = $2, silent = 0,
                            failures = failures + 1
                     WHERE consumer = $3 AND event_id = $4 AND attempt = $5 AND state = 'open'";
        self.settle(Statement::new(again).bind(due).bind(storable(reason)), delivery).await
    }

    async fn postpone(&self, delivery: &DeliveryId, due: Timestamp) -> Result<(), QueueError> {
        let again = "UPDATE deliveries SET due_at = $1, leased = 0, silent = 0
                     WHERE consumer = $2 AND event_id = $3 AND attempt = $4 AND state = 'open'";
        self.settle(Statement::new(again).bind(due), delivery).await
    }

    async fn dead_letter(
        &self,
        delivery: &DeliveryId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let dead = "UPDATE deliveries SET state = 'dead', reason = $1, died_at = $2
                    WHERE consumer = $3 AND event_id = $4 AND attempt = $5 AND state = 'open'";
        self.settle(Statement::new(dead).bind(storable(reason)).bind(now), delivery).await
    }

    async fn dead_letters(&self, consumer: &str, max: usize) -> Result<Vec<DeadLetter>, QueueError> {
        Ok(readable(&self.letters(consumer, None, max).await?, dead_letter))
    }

    async fn depth(&self, consumer: &str) -> Result<Depth, QueueError> {
        // Apart, so that each is answered from the index of its state.
        let query = Statement::new(
            "SELECT (SELECT COUNT(*) FROM deliveries WHERE consumer = $1 AND state = 'open') AS waiting,
                    (SELECT COUNT(*) FROM deliveries WHERE consumer = $2 AND state = 'dead') AS dead",
        );
        let Some(row) = self.database.optional(query.bind(consumer).bind(consumer)).await? else {
            return Ok(Depth::default());
        };
        Ok(Depth { waiting: row.unsigned("waiting")?, dead: row.unsigned("dead")? })
    }

    async fn replay(&self, consumer: &str, letters: Letters, _now: Timestamp) -> Result<u64, QueueError> {
        let replay = "UPDATE deliveries SET state = 'open', due_at = 0, leased = 0, failures = 0, silent = 0,
                             died_at = NULL";
        let replayed = self.database.run(of_dead(replay, consumer, letters)).await?;
        if replayed > 0 {
            self.published.give();
        }
        Ok(replayed)
    }

    async fn discard(&self, consumer: &str, letters: Letters) -> Result<u64, QueueError> {
        let discard = "UPDATE deliveries SET state = 'done', event = '', reason = NULL";
        Ok(self.database.run(of_dead(discard, consumer, letters)).await?)
    }

    async fn discard_chosen(&self, consumer: &str, chosen: Chosen<'_>) -> Result<u64, QueueError> {
        let (mut discarded, mut after) = (0, None);
        loop {
            let page = self.letters(consumer, after, LETTERS).await?;
            let Some(last) = page.last() else { return Ok(discarded) };
            after = Some((last.time("died_at")?, last.unsigned("seq")?));
            for letter in readable(&page, dead_letter).iter().filter(|letter| chosen(letter)) {
                discarded += self.discard(consumer, Letters::Of(letter.event.id)).await?;
            }
        }
    }

    async fn forget(&self, published_before: Timestamp, max: usize) -> Result<u64, QueueError> {
        let forget = Statement::new(
            "WITH forgotten AS MATERIALIZED (
                 SELECT seq FROM deliveries
                 WHERE state = 'done' AND published_at < $1
                     AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.id = deliveries.event_id)
                 ORDER BY published_at LIMIT $2",
        );
        let forget =
            forget.skip_locked().then(") DELETE FROM deliveries WHERE seq IN (SELECT seq FROM forgotten)");
        Ok(self.database.run(forget.bind(published_before).bind(max)).await?)
    }

    async fn changed(&self) {
        self.published.given().await;
    }
}

/// Adds a delivery for each consumer of this kind that has none yet, and returns how many.
async fn add(transaction: &mut Transaction, event: &Event, now: Timestamp) -> Result<u64, Fault> {
    // In one order: of two relays that publish one event, the second waits for the first.
    let insert = Statement::new(
        "INSERT INTO deliveries (consumer, event_id, event, published_at, state, attempt, due_at)
         SELECT consumer, $1, $2, $3, 'open', 0, 0 FROM subscriptions WHERE kind = $4 ORDER BY consumer
         ON CONFLICT (event_id, consumer) DO NOTHING",
    );
    let insert = insert.bind(event.id).bind(encode(event)?).bind(now).bind(event.payload.kind().as_str());
    transaction.run(insert).await
}

/// Does this to dead letters of a consumer.
fn of_dead(what: &'static str, consumer: &str, letters: Letters) -> Statement {
    let mut statement = Statement::new(what);
    statement.push(" WHERE state = 'dead' AND consumer = ").push_bind(consumer);
    if let Letters::Of(event) = letters {
        statement.push(" AND event_id = ").push_bind(event);
    }
    statement
}

/// PostgreSQL keeps every character but one.
fn storable(reason: &str) -> String {
    reason.replace('\0', "\u{FFFD}")
}

fn delivery_id(row: &Row) -> Result<DeliveryId, Fault> {
    Ok(DeliveryId {
        consumer: row.text("consumer")?,
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
        reason: row.text("reason")?,
        died_at: row.time("died_at")?,
    })
}
