//! Who has ended. Each service that turns them away has a table of its own.

use jiff::Timestamp;
use moodify_core::port::Ended;

use super::database::{Database, Statement, Value};
use super::error::Fault;

/// A table of those who have ended.
#[derive(Clone, Copy)]
pub(super) struct EndedTable(&'static str);

/// What the music service knows.
pub(super) const OF_MUSIC: EndedTable = EndedTable("ended");

/// What the sync service knows.
pub(super) const OF_SYNC: EndedTable = EndedTable("playback_ended");

impl EndedTable {
    pub(super) async fn note(self, database: &Database, who: Ended, until: Timestamp) -> Result<(), Fault> {
        let Self(table) = self;
        let mut note = Statement::new("INSERT INTO ");
        note.push(table)
            .push(" (id, until) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET until = excluded.until");
        note.push(" WHERE ").push(table).push(".until < excluded.until");
        database.run(note.bind(id(who)).bind(until)).await?;
        Ok(())
    }

    pub(super) async fn has(self, database: &Database, who: &[Ended]) -> Result<bool, Fault> {
        if who.is_empty() {
            return Ok(false);
        }
        let mut query = Statement::new("SELECT 1 FROM ");
        query.push(self.0).push(" WHERE id IN (").push_list(who, |list, who| {
            list.push_bind(id(*who));
        });
        query.push(") LIMIT 1");
        Ok(database.optional(query).await?.is_some())
    }

    /// Forgets at most `max` of those that may be forgotten by now. Returns how many.
    pub(super) async fn forget(self, database: &Database, now: Timestamp, max: usize) -> Result<u64, Fault> {
        let Self(table) = self;
        let due = Statement::new("WITH due AS MATERIALIZED (SELECT id FROM ").then(table);
        let due = due.then(" WHERE until <= $1 ORDER BY until LIMIT $2").skip_locked();
        let forget = due.then(") DELETE FROM ").then(table).then(" WHERE id IN (SELECT id FROM due)");
        database.run(forget.bind(now).bind(max)).await
    }
}

/// No account has the identifier of a session.
fn id(who: Ended) -> Value {
    match who {
        Ended::Account(id) => id.into(),
        Ended::Session(id) => id.into(),
    }
}
