//! What differs between the stores: how they are opened, how they sign, and what they call things.

use std::time::Duration;

use async_trait::async_trait;
use moodify_core::port::{SignedPut, SignedUrl};
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use super::ObjectStoreConfig;
use super::error::Names;

/// The longest wait between two tries of one request.
pub(super) const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// A store of objects, and what object_store does not ask of all of them.
#[async_trait]
pub(super) trait Backend: Send + Sync {
    /// What an operator knows it by.
    fn names(&self) -> &'static Names;

    /// The part that all of them share.
    fn objects(&self) -> &dyn ObjectStore;

    /// Asks for one name of those below this prefix, which is not looked at.
    async fn list_one(&self, prefix: Option<&str>) -> object_store::Result<()>;

    /// Removes one object.
    async fn delete(&self, path: &Path) -> object_store::Result<()>;

    /// A URL to read from, good from this moment for this long at most; its end is what the URL says.
    async fn read_url(&self, path: &Path, is: &'static str, ttl: Duration)
    -> object_store::Result<SignedUrl>;

    /// A URL to send to, likewise.
    async fn write_url(
        &self,
        path: &Path,
        is: &'static str,
        len: u64,
        ttl: Duration,
    ) -> object_store::Result<SignedPut>;
}

/// How requests that fail for now are tried again.
pub(super) fn retries(config: &ObjectStoreConfig) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig { max_backoff: MAX_BACKOFF, ..BackoffConfig::default() },
        max_retries: usize::try_from(config.attempts.saturating_sub(1)).unwrap_or(usize::MAX),
        retry_timeout: config.timeout.saturating_mul(config.attempts),
    }
}

/// A signed URL that cannot be read, which no store makes.
pub(super) fn unreadable(
    store: &'static str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> object_store::Error {
    object_store::Error::Generic { store, source: error.into() }
}
