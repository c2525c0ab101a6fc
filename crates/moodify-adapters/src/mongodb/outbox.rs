use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mongodb::bson::{Bson, Document, doc, oid::ObjectId};
use moodify_core::model::{Event, EventId, LONGEST_WAIT, later};
use moodify_core::port::{Backlog, Outbox, OutboxError};
use serde::Deserialize;

use super::MongoStore;
use super::database::Database;
use super::error::Fault;
use super::row::{Key, Row, json, keys, micros, number};
use super::step::{Find, Step};

const COLLECTION: &str = "outbox";

#[async_trait]
impl Outbox for MongoStore {
    async fn lease(&self, max: usize, now: Timestamp, lease: Duration) -> Result<Vec<Event>, OutboxError> {
        let free = doc! { "$or": [
            { "leased_until": { "$lte": micros(now) } },
            { "leased_until": { "$gt": micros(later(now, LONGEST_WAIT)) } },
        ] };
        let take = doc! { "$set": { "leased_until": micros(later(now, lease)) } };
        let taking = Taking { collection: COLLECTION, due: free, sort: in_order(), take, max };
        Ok(readable(&taking.run(&self.database).await?, event))
    }

    async fn mark_published(&self, ids: &[EventId]) -> Result<(), OutboxError> {
        self.database.plain().delete_all(COLLECTION, of(ids)).await?;
        Ok(())
    }

    async fn release(&self, ids: &[EventId]) -> Result<(), OutboxError> {
        let release = doc! { "$set": { "leased_until": 0_i64 } };
        self.database.plain().update_all(COLLECTION, of(ids), release).await?;
        self.database.appended.give();
        Ok(())
    }

    async fn backlog(&self) -> Result<Backlog, OutboxError> {
        /// What every version of an event tells.
        #[derive(Deserialize)]
        struct Moment {
            occurred_at: Timestamp,
        }

        let mut step = self.database.plain();
        let count = step.count(COLLECTION, doc! {}).await?;
        let first = step.find(Find::new(COLLECTION, doc! {}).sort(in_order()).limit(1)).await?;
        // Also of an event that only a newer version can read.
        let oldest = first.first().map(|row| row.json::<Moment>("event")).transpose()?;
        Ok(Backlog { count, oldest: oldest.map(|moment| moment.occurred_at) })
    }

    async fn changed(&self) {
        self.database.appended.given().await;
    }
}

fn of(ids: &[EventId]) -> Document {
    doc! { "_id": { "$in": keys(ids) } }
}

pub(super) fn in_order() -> Document {
    doc! { "seq": 1, "number": 1 }
}

/// Takes documents that are due, of which concurrent calls share none.
pub(super) struct Taking {
    pub(super) collection: &'static str,
    pub(super) due: Document,
    pub(super) sort: Document,
    /// How a document is changed by that.
    pub(super) take: Document,
    pub(super) max: usize,
}

impl Taking {
    /// Chooses, marks what is still due of that, and reads what it has marked: each document is marked by one
    /// call only. Again if others took all that it chose.
    pub(super) async fn run(mut self, database: &Database) -> Result<Vec<Row>, Fault> {
        if self.max == 0 {
            return Ok(Vec::new());
        }
        let mut step = database.plain();
        let mark = ObjectId::new();
        if let Ok(set) = self.take.get_document_mut("$set") {
            set.insert("taken_by", mark);
        }
        loop {
            let due = Find::new(self.collection, self.due.clone()).sort(self.sort.clone()).limit(self.max);
            let due = due.fields(doc! { "_id": 1 });
            let chosen: Vec<Bson> =
                step.find(due).await?.into_iter().filter_map(|mut row| row.0.remove("_id")).collect();
            if chosen.is_empty() {
                return Ok(Vec::new());
            }
            let chosen = doc! { "$in": chosen };
            let mut still_due = self.due.clone();
            still_due.insert("_id", chosen.clone());
            if step.update_all(self.collection, still_due, self.take.clone()).await? > 0 {
                let taken = doc! { "_id": chosen, "taken_by": mark };
                return step.find(Find::new(self.collection, taken).sort(in_order())).await;
            }
        }
    }
}

/// Stores events in the atomic step of the change they tell of. Their order is that of the steps' numbers:
/// drawn within a step, one is greater than those of all steps that ended before it began.
pub(super) async fn append(step: &mut Step<'_>, events: &[Event]) -> Result<(), Fault> {
    if events.is_empty() {
        return Ok(());
    }
    let seq = step.database.next_number(COLLECTION).await;
    // Outside of the transaction, so that only others who are in the way make the step begin again.
    let seq = step.noted(seq)?;
    let mut rows = Vec::with_capacity(events.len());
    for (index, event) in events.iter().enumerate() {
        rows.push(doc! {
            "_id": event.id.key(),
            "seq": seq,
            "number": number(index),
            "event": json(event)?,
            "leased_until": 0_i64,
        });
    }
    step.appends = true;
    step.insert_all(COLLECTION, rows).await
}

/// The event of a document.
pub(super) fn event(row: &Row) -> Result<Event, Fault> {
    row.json("event")
}

/// What can be read of these documents. The others stay where they are and come again after their lease,
/// rather than block all that follow: after a downgrade there can be events of a kind that only the
/// newer version knows.
pub(super) fn readable<T>(rows: &[Row], read: impl Fn(&Row) -> Result<T, Fault>) -> Vec<T> {
    let read = rows.iter().filter_map(|row| match read(row) {
        Ok(item) => Some(item),
        Err(fault) => {
            tracing::error!(error = %fault, "a stored event cannot be read: was it written by a newer version?");
            None
        }
    });
    read.collect()
}
