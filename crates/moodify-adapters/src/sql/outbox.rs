use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use moodify_core::model::{Event, EventId, LONGEST_WAIT, later};
use moodify_core::port::{Backlog, Outbox, OutboxError};
use serde::Deserialize;

use super::SqlStore;
use super::database::{Row, Statement, Transaction};
use super::error::Fault;

#[async_trait]
impl Outbox for SqlStore {
    async fn lease(&self, max: usize, now: Timestamp, lease: Duration) -> Result<Vec<Event>, OutboxError> {
        // Chosen apart (MATERIALIZED): as a part of the update it may be asked for more than once, and
        // would then choose more.
        let update = Statement::new(
            "WITH due AS MATERIALIZED (
                 SELECT seq FROM outbox WHERE leased_until <= $2 OR leased_until > $3
                 ORDER BY seq LIMIT $4",
        );
        let update = update.skip_locked().then(
            ") UPDATE outbox SET leased_until = $1 WHERE seq IN (SELECT seq FROM due) RETURNING seq, event",
        );
        let horizon = later(now, LONGEST_WAIT);
        let update = update.bind(later(now, lease)).bind(now).bind(horizon).bind(max);
        let rows = self.database.run_returning(update).await?;
        Ok(readable(in_order(&rows)?, event))
    }

    async fn mark_published(&self, ids: &[EventId]) -> Result<(), OutboxError> {
        self.for_events("DELETE FROM outbox", ids).await
    }

    async fn release(&self, ids: &[EventId]) -> Result<(), OutboxError> {
        self.for_events("UPDATE outbox SET leased_until = 0", ids).await?;
        self.appended.give();
        Ok(())
    }

    async fn backlog(&self) -> Result<Backlog, OutboxError> {
        let query = "SELECT (SELECT COUNT(*) FROM outbox) AS count,
                            (SELECT event FROM outbox ORDER BY seq LIMIT 1) AS event";
        let Some(row) = self.database.optional(Statement::new(query)).await? else {
            return Ok(Backlog::default());
        };
        // Also of an event that only a newer version can read.
        let moment =
            |event: String| serde_json::from_str::<Moment>(&event).map_err(|_| Fault::stored("event"));
        let oldest = row.optional_text("event")?.map(moment).transpose()?;
        Ok(Backlog { count: row.unsigned("count")?, oldest: oldest.map(|moment| moment.occurred_at) })
    }

    async fn changed(&self) {
        self.appended.given().await;
    }
}

/// What every version of an event tells.
#[derive(Deserialize)]
struct Moment {
    occurred_at: Timestamp,
}

impl SqlStore {
    async fn for_events(&self, what: &'static str, ids: &[EventId]) -> Result<(), OutboxError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut statement = Statement::new(what).one_off();
        statement.push(" WHERE id IN (").push_list(ids, |list, id| {
            list.push_bind(*id);
        });
        statement.push(")");
        self.database.run(statement).await?;
        Ok(())
    }
}

/// Stores events in the atomic step of the change they tell of.
pub(super) async fn append(transaction: &mut Transaction, events: &[Event]) -> Result<(), Fault> {
    /// Two values each: databases take some ten thousand in one statement.
    const AT_ONCE: usize = 1_000;
    for events in events.chunks(AT_ONCE) {
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            rows.push((event.id, encode(event)?));
        }
        let mut insert = Statement::new("INSERT INTO outbox (id, event, leased_until) VALUES ");
        insert.push_list(rows, |list, (id, event)| {
            list.push("(").push_bind(id).push(", ").push_bind(event).push(", 0)");
        });
        transaction.run(insert).await?;
    }
    Ok(())
}

pub(super) fn encode(event: &Event) -> Result<String, Fault> {
    serde_json::to_string(event).map_err(Fault::encode)
}

/// The event of a row.
pub(super) fn event(row: &Row) -> Result<Event, Fault> {
    serde_json::from_str(&row.text("event")?).map_err(|_| Fault::stored("event"))
}

/// The rows by their `seq`: `RETURNING` promises no order.
pub(super) fn in_order(rows: &[Row]) -> Result<Vec<&Row>, Fault> {
    let mut numbered =
        rows.iter().map(|row| Ok((row.int("seq")?, row))).collect::<Result<Vec<_>, Fault>>()?;
    numbered.sort_by_key(|(seq, _)| *seq);
    Ok(numbered.into_iter().map(|(_, row)| row).collect())
}

/// What can be read of these rows. The others stay where they are and come again after their lease,
/// rather than block all that follow: after a downgrade there can be events of a kind that only the
/// newer version knows.
pub(super) fn readable<'a, T>(
    rows: impl IntoIterator<Item = &'a Row>,
    read: impl Fn(&Row) -> Result<T, Fault>,
) -> Vec<T> {
    let read = rows.into_iter().filter_map(|row| match read(row) {
        Ok(item) => Some(item),
        Err(fault) => {
            tracing::error!(error = %fault, "a stored event cannot be read: was it written by a newer version?");
            None
        }
    });
    read.collect()
}
