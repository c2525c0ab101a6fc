//! What the drivers report, and what becomes of it: the one place that turns it into the ports' errors.

mod connect;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use moodify_core::port::{BoxError, Unavailable};

pub use connect::SqlConnectError;

/// What the driver reported.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Fault(#[from] sqlx::Error);

impl Fault {
    /// This column holds what no version of ours wrote there.
    pub(super) fn stored(column: &str) -> Self {
        let source = "the database holds a value that Moodify never stores".into();
        Self(sqlx::Error::ColumnDecode { index: column.to_owned(), source })
    }

    /// A value that cannot be stored.
    pub(super) fn encode(source: impl Into<BoxError>) -> Self {
        Self(sqlx::Error::Encode(source.into()))
    }

    /// No answer came in time.
    #[cfg(feature = "postgres")]
    pub(super) fn timed_out() -> Self {
        let error = std::io::Error::new(std::io::ErrorKind::TimedOut, "the database did not answer in time");
        Self(sqlx::Error::Io(error))
    }

    /// The server has ended the connection.
    #[cfg(feature = "postgres")]
    pub(super) fn lost() -> Self {
        Self(sqlx::Error::Io(std::io::ErrorKind::ConnectionAborted.into()))
    }

    pub(super) fn is_missing_parent(&self) -> bool {
        self.0.as_database_error().is_some_and(|error| error.is_foreign_key_violation())
    }

    #[cfg(feature = "sqlite")]
    pub(super) fn is_busy(&self) -> bool {
        sqlite::code(&self.0) == Some(sqlite::BUSY)
    }

    fn may_pass(&self) -> bool {
        #[cfg(feature = "sqlite")]
        if let Some(code) = sqlite::code(&self.0) {
            return sqlite::may_pass(code);
        }
        #[cfg(feature = "postgres")]
        if let Some(state) = postgres::state(&self.0) {
            return postgres::may_pass(state);
        }
        matches!(
            self.0,
            sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::BeginFailed
        )
    }
}

impl From<Fault> for Unavailable {
    fn from(fault: Fault) -> Self {
        if fault.may_pass() { Self::passing(fault.0) } else { Self::lasting(fault.0) }
    }
}

crate::faults::unavailable_from!(Fault);
