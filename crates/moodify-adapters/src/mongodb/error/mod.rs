//! What the driver reports, and what becomes of it: the one place that turns it into the ports' errors.

mod connect;

use mongodb::error::{
    ErrorKind, RETRYABLE_WRITE_ERROR, SYSTEM_OVERLOADED_ERROR, TRANSIENT_TRANSACTION_ERROR,
    UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure,
};
use moodify_core::port::{BoxError, Unavailable};

pub use connect::MongoConnectError;

/// What went wrong with the database.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// What the driver reported. Of that only its kind is told: the whole shows the server's answer, with what is
    /// stored.
    #[error("{}", told(.0))]
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

fn told(error: &mongodb::error::Error) -> String {
    without_values(error.kind.to_string())
}

/// What a text that the driver makes of a duplicate may be told of: servers name the value, such as the address of
/// whoever signs up.
fn without_values(text: String) -> String {
    if !text.contains("E11000") {
        return text;
    }
    let index = text.split_once("index: ").and_then(|(_, rest)| rest.split_whitespace().next());
    format!("a key is taken already, in the index {}", index.unwrap_or("of a collection"))
}

/// What servers say when two writers changed one document.
const WRITE_CONFLICT: i32 = 112;

/// What else may pass: a server that ends or is not the one for writes any more, and limits of time and of
/// connections. From the server's list of error codes.
const PASSING: [i32; 25] = [
    6,      // HostUnreachable
    7,      // HostNotFound
    24,     // LockTimeout
    43,     // CursorNotFound (the server of its first answer is gone)
    50,     // MaxTimeMSExpired
    64,     // WriteConcernFailed (timed out)
    89,     // NetworkTimeout
    91,     // ShutdownInProgress
    133,    // FailedToSatisfyReadPreference
    134,    // ReadConcernMajorityNotAvailableYet
    175,    // QueryPlanKilled
    189,    // PrimarySteppedDown
    202,    // NetworkInterfaceExceededTimeLimit
    237,    // CursorKilled
    246,    // SnapshotUnavailable
    251,    // NoSuchTransaction
    262,    // ExceededTimeLimit
    290,    // TransactionExceededLifetimeLimitSeconds
    9_001,  // SocketException
    10_107, // NotWritablePrimary
    11_600, // InterruptedAtShutdown
    11_601, // Interrupted
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
    /// that is away carries the same label: see [`Self::is_of_the_line`].
    pub(super) fn is_conflict(&self) -> bool {
        self.code().is_some_and(|code| code == WRITE_CONFLICT || self.has_label(TRANSIENT_TRANSACTION_ERROR))
    }

    /// Whether the connection of a step ended before the step did: the server may well be there. The driver tries
    /// nothing again within a transaction.
    pub(super) fn is_of_the_line(&self) -> bool {
        let Self::Driver(error) = self else { return false };
        let is_lost = matches!(*error.kind, ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. });
        is_lost && error.contains_label(TRANSIENT_TRANSACTION_ERROR)
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
                    || error.contains_label(SYSTEM_OVERLOADED_ERROR)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_is_told_without_its_value() {
        let said = "Command failed: Error code 11000 (DuplicateKey): E11000 duplicate key error collection: \
                    moodify.accounts index: by_email dup key: { email: \"nina@example.org\" }";
        let told = without_values(said.to_owned());
        assert_eq!(told, "a key is taken already, in the index by_email");
        assert!(without_values("E11000".to_owned()).ends_with("in the index of a collection"));
        assert_eq!(without_values("anything else".to_owned()), "anything else");
    }

    #[test]
    fn no_code_stands_twice_among_those_that_pass() {
        assert!(PASSING.is_sorted_by(|one, other| one < other), "{PASSING:?}");
    }
}
