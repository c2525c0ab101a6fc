//! What only one process does at a time: an advisory lock, held by a session of its own. The server
//! frees it when the process ends, however it ends.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Executor, Row};
use tokio::task::JoinHandle;

use super::postgres::within;
use crate::sql::error::Fault;

/// How often the session is asked whether it still stands.
const QUIET: Duration = Duration::from_secs(5);
/// How long the server has for anything that is asked here.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends a session whose process cannot be reached any more, after a minute.
const KEEP_ALIVE: &str =
    "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3";

/// A lock that this process has, and the task that keeps it.
pub(in crate::sql) struct Kept(JoinHandle<()>);

impl Kept {
    /// The lock of this name; `None` if another process has it.
    pub(super) async fn take(options: PgConnectOptions, name: &'static str) -> Result<Option<Self>, Fault> {
        let Some(session) = take(&options, name).await? else { return Ok(None) };
        Ok(Some(Self(tokio::spawn(keep(options, name, session)))))
    }

    pub(super) async fn lost(&mut self) {
        if let Err(error) = (&mut self.0).await {
            tracing::error!(%error, "what kept a claim on the database has failed");
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn take(options: &PgConnectOptions, name: &str) -> Result<Option<PgConnection>, Fault> {
    let mut session = within(PATIENCE, options.connect()).await?;
    within(PATIENCE, session.execute(KEEP_ALIVE)).await?;
    // Of this schema: several may lie in one database.
    let lock = "SELECT pg_try_advisory_lock(hashtextextended(current_schema() || ' ' || $1, 0)) AS taken";
    let row = within(PATIENCE, sqlx::query(lock).bind(name).fetch_one(&mut session)).await?;
    Ok(row.try_get::<bool, _>("taken")?.then_some(session))
}

/// Returns when the session was lost and another process has the lock by now.
async fn keep(options: PgConnectOptions, name: &'static str, mut session: PgConnection) {
    loop {
        pause().await;
        if within(PATIENCE, session.ping()).await.is_ok() {
            continue;
        }
        tracing::warn!(name, "the claim on the database was lost with its connection; it is taken again");
        session = loop {
            match take(&options, name).await {
                Ok(Some(session)) => break session,
                Ok(None) => return,
                Err(error) => tracing::warn!(%error, name, "the claim on the database is not back yet"),
            }
            pause().await;
        };
    }
}

#[expect(clippy::disallowed_methods, reason = "spares the server; no rule depends on it")]
async fn pause() {
    tokio::time::sleep(QUIET).await;
}
