use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use url::Url;

use super::Unavailable;
use crate::model::MediaKey;

/// Makes URLs that let whoever holds them read one object for a limited time.
#[async_trait]
pub trait MediaSigner: Send + Sync {
    /// A URL for `GET` (with `Range`) of this object, good until some moment between
    /// `now + ttl / 2` and `now + ttl`. Within half of `ttl` the same key gets the same string, so
    /// that caches work. The content type is bound to the URL; a changed or expired URL is
    /// answered with 403.
    async fn sign_get(&self, key: &MediaKey, now: Timestamp, ttl: Duration) -> Result<SignedUrl, SignError>;
}

/// A URL with an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedUrl {
    /// The URL, signature included: a secret until it expires.
    pub url: Url,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Why a [`MediaSigner`] failed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The technology failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
