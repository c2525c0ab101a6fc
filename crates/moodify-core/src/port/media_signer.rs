use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use url::Url;

use super::Unavailable;
use crate::model::MediaKey;

/// Makes URLs that let whoever holds them read or write one object for a limited time.
#[async_trait]
pub trait MediaSigner: Send + Sync {
    /// A URL for `GET` (with `Range`) of this object, good until some moment between
    /// `now + ttl / 2` and `now + ttl`. Within half of `ttl` the same key gets the same string, so
    /// that caches work. The content type is bound to the URL; a changed or expired URL is
    /// answered with 403. Where what signs has an end of its own, as the credentials of a task have,
    /// the URL is good until that at the latest, however near it is.
    async fn sign_get(&self, key: &MediaKey, now: Timestamp, ttl: Duration) -> Result<SignedUrl, SignError>;

    /// A URL for `PUT` of an object of exactly `len` bytes, of the type that follows from its key, until
    /// `now + ttl` at the latest. Who sends another length, another type, or to another key is answered with
    /// 403; what is half sent is no object. Until it expires the URL works as often as somebody likes: the
    /// object is what came last.
    async fn sign_put(
        &self,
        key: &MediaKey,
        len: u64,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<SignedPut, SignError>;
}

/// A URL to which one object can be sent, as it was agreed and not otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPut {
    /// Where to.
    pub url: SignedUrl,
    /// Headers that the request must have: they are signed.
    pub headers: Vec<(String, String)>,
}

/// A URL with an end.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl {
    /// The URL, signature included: a secret until it expires.
    pub url: Url,
    /// When it stops working.
    pub expires_at: Timestamp,
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Stores put signatures into the query, into user info, or into the path.
        let origin = self.url.origin().ascii_serialization();
        f.debug_struct("SignedUrl")
            .field("url", &format_args!("{origin}/…"))
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

/// Why a [`MediaSigner`] failed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The technology failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_opens_nothing() {
        for url in [
            "https://media.example/audio/4f02?expires=9&signature=S3CRET",
            "https://key:S3CRET@media.example/audio/4f02",
            "https://media.example/S3CRET/audio/4f02",
        ] {
            let signed = SignedUrl { url: url.parse().unwrap(), expires_at: Timestamp::UNIX_EPOCH };
            assert_eq!(
                format!("{signed:?}"),
                "SignedUrl { url: https://media.example/…, expires_at: 1970-01-01T00:00:00Z }"
            );
        }
    }
}
