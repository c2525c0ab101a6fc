//! States (<https://www.postgresql.org/docs/current/errcodes-appendix.html>): two characters of class,
//! three that tell more.

use sqlx::postgres::PgDatabaseError;

pub(super) const NO_SUCH_DATABASE: &str = "3D000";
pub(super) const NO_SUCH_SCHEMA: &str = "3F000";
pub(super) const NOT_ALLOWED: &str = "42501";
pub(super) const TOO_MANY_CONNECTIONS: &str = "53300";
/// It is starting, or about to stop.
pub(super) const NOT_NOW: &str = "57P03";
/// A failover left us with a server that only reads; the next connection finds the other one.
const READ_ONLY: &str = "25006";
/// We said nothing inside a transaction for too long.
const IDLE_IN_TRANSACTION: &str = "25P03";
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// The server refuses to know us.
pub(super) const CLASS_LOG_IN: &str = "28";
/// In this order: connections, rollbacks (deadlocks and serialisation), resources, an operator who
/// intervenes, input and output.
const CLASSES_THAT_PASS: [&str; 5] = ["08", "40", "53", "57", "58"];

pub(super) fn state(error: &sqlx::Error) -> Option<&str> {
    Some(error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?.code())
}

pub(super) fn may_pass(state: &str) -> bool {
    matches!(state, READ_ONLY | IDLE_IN_TRANSACTION | LOCK_NOT_AVAILABLE)
        || CLASSES_THAT_PASS.iter().any(|class| state.starts_with(class))
}
