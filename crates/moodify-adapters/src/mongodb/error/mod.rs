//! What the driver reports, and what becomes of it: the one place that turns it into the ports' errors.

mod connect;

use mongodb::error::{
    ErrorKind, RETRYABLE_WRITE_ERROR, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT,
    WriteFailure,
};
use moodify_core::port::{BoxError, Unavailable};

pub use connect::MongoConnectError;

/// What went wrong with the database.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// What the driver reported.
    #[error(transparent)]
    Driver(Box<mongodb::error::Error>),
    /// No answer came in time.
    #[error("the database did not answer in time")]
    TimedOut,
    /// Other writers were faster, again and again.
    #[error("other writers changed the same at the same time, too often in a row")]
    Crowded,
    /// The program has closed it.
    #[error("the database is closed")]
    Closed,
    /// This field holds what no version of ours wrote there.
    #[error("the database holds a value in `{0}` that Moodify never stores")]
    Stored(String),
    /// A value that cannot be stored.
    #[error("a value cannot be stored: {0}")]
    Encode(BoxError),
}

impl From<mongodb::error::Error> for Fault {
    fn from(error: mongodb::error::Error) -> Self {
        Self::Driver(Box::new(error))
    }
}

/// What servers say when a write finds its key taken.
const DUPLICATE_KEY: i32 = 11_000;

/// What servers say when two writers changed one document.
const WRITE_CONFLICT: i32 = 112;

/// What else may pass: a server that ends or is not the one for writes any more, and limits of time and of
/// connections. From the server's list of error codes.
const PASSING: [i32; 18] = [
    6,      // HostUnreachable
    7,      // HostNotFound
    50,     // MaxTimeMSExpired
    64,     // WriteConcernFailed (timed out)
    89,     // NetworkTimeout
    91,     // ShutdownInProgress
    133,    // FailedToSatisfyReadPreference
    189,    // PrimarySteppedDown
    246,    // SnapshotUnavailable
    251,    // NoSuchTransaction
    262,    // ExceededTimeLimit
    290,    // TransactionExceededLifetimeLimitSeconds
    9_001,  // SocketException
    10_107, // NotWritablePrimary
    11_600, // InterruptedAtShutdown
    11_602, // InterruptedDueToReplStateChange
    13_435, // NotPrimaryNoSecondaryOk
    13_436, // NotPrimaryOrSecondary
];

impl Fault {
    pub(super) fn stored(field: &str) -> Self {
        Self::Stored(field.to_owned())
    }

    pub(super) fn encode(source: impl Into<BoxError>) -> Self {
        Self::Encode(source.into())
    }

    /// Whether a write found its key taken.
    pub(super) fn is_duplicate(&self) -> bool {
        self.code() == Some(DUPLICATE_KEY)
    }

    /// How many of several documents found their keys taken, if nothing else went wrong.
    pub(super) fn duplicates(&self) -> Option<usize> {
        let Self::Driver(error) = self else { return None };
        let ErrorKind::InsertMany(error) = &*error.kind else { return None };
        let errors = error.write_errors.as_deref().filter(|_| error.write_concern_error.is_none())?;
        errors.iter().all(|error| error.code == DUPLICATE_KEY).then_some(errors.len())
    }

    /// Whether the step has failed because of others, and would be another one if it began again. A server
    /// that is away carries the same label: whoever called may come again, but nobody waits for that here.
    pub(super) fn is_conflict(&self) -> bool {
        self.code().is_some_and(|code| code == WRITE_CONFLICT || self.has_label(TRANSIENT_TRANSACTION_ERROR))
    }

    /// Whether it is not known if the step was committed.
    pub(super) fn is_unknown_commit(&self) -> bool {
        self.has_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
    }

    fn has_label(&self, label: &str) -> bool {
        matches!(self, Self::Driver(error) if error.contains_label(label))
    }

    pub(super) fn code(&self) -> Option<i32> {
        match self {
            Self::Driver(error) => code(&error.kind),
            _ => None,
        }
    }

    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::TimedOut | Self::Crowded => true,
            Self::Closed | Self::Stored(_) | Self::Encode(_) => false,
            Self::Driver(error) => {
                matches!(
                    *error.kind,
                    ErrorKind::Io(_)
                        | ErrorKind::ConnectionPoolCleared { .. }
                        | ErrorKind::ServerSelection { .. }
                        | ErrorKind::DnsResolve { .. }
                ) || error.contains_label(RETRYABLE_WRITE_ERROR)
                    || error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
                    || error.contains_label(TRANSIENT_TRANSACTION_ERROR)
                    || self.is_conflict()
                    || self.code().is_some_and(|code| PASSING.contains(&code))
            }
        }
    }
}

fn code(kind: &ErrorKind) -> Option<i32> {
    match kind {
        ErrorKind::Command(error) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
        // In the order of the documents: the first one that is no mere duplicate says more.
        ErrorKind::InsertMany(error) => {
            let codes = || error.write_errors.iter().flatten().map(|error| error.code);
            let failed = error.write_concern_error.as_ref().map(|error| error.code);
            failed.or_else(|| codes().find(|code| *code != DUPLICATE_KEY)).or_else(|| codes().next())
        }
        _ => None,
    }
}

impl From<Fault> for Unavailable {
    fn from(fault: Fault) -> Self {
        if fault.may_pass() { Self::passing(fault) } else { Self::lasting(fault) }
    }
}

crate::faults::unavailable_from!(Fault);
