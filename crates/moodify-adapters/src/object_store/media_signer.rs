use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use moodify_core::model::MediaKey;
use moodify_core::port::{MediaError, MediaSigner, SignError, SignedPut, SignedUrl, Unavailable};

use super::ObjectMediaStore;

impl ObjectMediaStore {
    /// The longest that a signature lives: seven days, of both stores.
    pub const LONGEST_URL: Duration = Duration::from_secs(7 * 24 * 3600);

    fn life(ttl: Duration) -> Result<Duration, Unavailable> {
        if ttl > Self::LONGEST_URL {
            return Err(Unavailable::lasting("no URL is signed for longer than seven days"));
        }
        Ok(Duration::from_secs(ttl.as_secs()))
    }
}

/// object_store signs from the moment that the system's clock shows: what is asked for another one is an error,
/// and the URL says when it ends.
#[async_trait]
impl MediaSigner for ObjectMediaStore {
    async fn sign_get(&self, key: &MediaKey, now: Timestamp, ttl: Duration) -> Result<SignedUrl, SignError> {
        let (path, is) = (self.place.path(key), key.content_type().as_str());
        let signing = self.place.backend.read_url(&path, is, Self::life(ttl)?);
        Ok(alive(self.place.within(signing).await.map_err(failed)?, |url| url, now)?)
    }

    async fn sign_put(
        &self,
        key: &MediaKey,
        len: u64,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<SignedPut, SignError> {
        let (path, is) = (self.place.path(key), key.content_type().as_str());
        let signing = self.place.backend.write_url(&path, is, len, Self::life(ttl)?);
        Ok(alive(self.place.within(signing).await.map_err(failed)?, |put| &put.url, now)?)
    }
}

/// Whoever asks by another clock than the one that signed would hand out what has ended already.
fn alive<T>(signed: T, url: impl Fn(&T) -> &SignedUrl, now: Timestamp) -> Result<T, Unavailable> {
    if url(&signed).expires_at > now {
        return Ok(signed);
    }
    Err(Unavailable::passing("the signed URL has ended by the clock of whoever asked; set the clock"))
}

fn failed(error: MediaError) -> Unavailable {
    match error {
        MediaError::Unavailable(fault) => fault,
        error => Unavailable::lasting(error),
    }
}
