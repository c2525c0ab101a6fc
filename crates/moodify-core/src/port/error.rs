//! What every port's error has in common.

/// A driver's error, on its way through a port.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// The technology behind a port did not do its part.
#[derive(Debug, thiserror::Error)]
#[error("unavailable: {source}")]
pub struct Unavailable {
    /// Whether the same call may succeed later without anybody changing anything.
    pub retryable: bool,
    /// The driver's error. It may hold addresses and queries: for logs, never for clients.
    #[source]
    pub source: BoxError,
}

impl Unavailable {
    /// A fault that may pass: a lost connection, a time-out, a full pool.
    pub fn passing(source: impl Into<BoxError>) -> Self {
        Self { retryable: true, source: source.into() }
    }

    /// A fault that stays until somebody acts: a refused log-in, a missing table, corrupt data.
    pub fn lasting(source: impl Into<BoxError>) -> Self {
        Self { retryable: false, source: source.into() }
    }
}
