use jiff::Timestamp;
use moodify_core::port::{Ended, LibraryError};

use crate::sql::SqlStore;
use crate::sql::database::{Statement, Value};

pub(super) async fn note(store: &SqlStore, who: Ended, until: Timestamp) -> Result<(), LibraryError> {
    let note = Statement::new(
        "INSERT INTO ended (id, until) VALUES ($1, $2)
         ON CONFLICT (id) DO UPDATE SET until = excluded.until WHERE ended.until < excluded.until",
    );
    store.database.run(note.bind(id(who)).bind(until)).await?;
    Ok(())
}

pub(super) async fn is_noted(store: &SqlStore, who: &[Ended]) -> Result<bool, LibraryError> {
    if who.is_empty() {
        return Ok(false);
    }
    let mut query = Statement::new("SELECT 1 FROM ended WHERE id IN (");
    query.push_list(who, |list, who| {
        list.push_bind(id(*who));
    });
    query.push(") LIMIT 1");
    Ok(store.database.optional(query).await?.is_some())
}

pub(super) async fn forget(store: &SqlStore, now: Timestamp, max: usize) -> Result<u64, LibraryError> {
    let due = Statement::new(
        "WITH due AS MATERIALIZED (SELECT id FROM ended WHERE until <= $1 ORDER BY until LIMIT $2",
    );
    let forget = due.skip_locked().then(") DELETE FROM ended WHERE id IN (SELECT id FROM due)");
    Ok(store.database.run(forget.bind(now).bind(max)).await?)
}

/// No account has the identifier of a session.
fn id(who: Ended) -> Value {
    match who {
        Ended::Account(id) => id.into(),
        Ended::Session(id) => id.into(),
    }
}
