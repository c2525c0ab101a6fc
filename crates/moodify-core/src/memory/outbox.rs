use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;
use crate::model::{Event, EventId, is_due, later};
use crate::port::{Backlog, Outbox, OutboxError};

/// The events in the order of appending.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<Row>);

#[derive(Debug)]
struct Row {
    event: Event,
    leased_until: Option<Timestamp>,
}

impl Waiting {
    pub(super) fn append(&mut self, events: &[Event]) {
        self.0.extend(events.iter().map(|event| Row { event: event.clone(), leased_until: None }));
    }
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn lease(&self, max: usize, now: Timestamp, lease: Duration) -> Result<Vec<Event>, OutboxError> {
        let until = later(now, lease);
        let rows = &mut self.tables().outbox.0;
        let free =
            rows.iter_mut().filter(|row| row.leased_until.is_none_or(|until| is_due(until, now))).take(max);
        Ok(free
            .map(|row| {
                row.leased_until = Some(until);
                row.event.clone()
            })
            .collect())
    }

    async fn mark_published(&self, ids: &[EventId]) -> Result<(), OutboxError> {
        self.tables().outbox.0.retain(|row| !ids.contains(&row.event.id));
        Ok(())
    }

    async fn release(&self, ids: &[EventId]) -> Result<(), OutboxError> {
        for row in self.tables().outbox.0.iter_mut().filter(|row| ids.contains(&row.event.id)) {
            row.leased_until = None;
        }
        self.appended.give();
        Ok(())
    }

    async fn backlog(&self) -> Result<Backlog, OutboxError> {
        let rows = &self.tables().outbox.0;
        Ok(Backlog { count: rows.len() as u64, oldest: rows.first().map(|row| row.event.occurred_at) })
    }

    async fn changed(&self) {
        self.appended.given().await;
    }
}
