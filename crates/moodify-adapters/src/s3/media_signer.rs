use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use jiff::{SignedDuration, Timestamp};
use moodify_core::model::MediaKey;
use moodify_core::port::{MediaSigner, SignError, SignedPut, SignedUrl, Unavailable};

use super::S3MediaStore;
use super::error::{S3Fault, no_credentials, unavailable};

/// URLs end this much before the credentials that sign them: clocks differ.
const BEFORE_THE_END: SignedDuration = SignedDuration::from_secs(10);

/// From when to when a signature lives.
struct Life {
    begins_at: Timestamp,
    ends_at: Timestamp,
}

impl Life {
    fn presigning(&self) -> Result<PresigningConfig, Unavailable> {
        let life = Duration::try_from(self.ends_at.duration_since(self.begins_at));
        let life = life.map_err(Unavailable::lasting)?;
        let config = PresigningConfig::builder().start_time(SystemTime::from(self.begins_at));
        config.expires_in(life).build().map_err(Unavailable::lasting)
    }

    fn url(&self, request: &PresignedRequest) -> Result<SignedUrl, Unavailable> {
        let url = request.uri().parse().map_err(|error: url::ParseError| Unavailable::lasting(error))?;
        Ok(SignedUrl { url, expires_at: self.ends_at })
    }
}

impl S3MediaStore {
    /// The longest that S3 lets a signature live: seven days.
    pub const LONGEST_URL: Duration = Duration::from_secs(7 * 24 * 3600);

    /// A life of `ttl`, unless the credentials that are signed with end before.
    async fn life(&self, now: Timestamp, begins_at: Timestamp, ttl: Duration) -> Result<Life, Unavailable> {
        if ttl > Self::LONGEST_URL {
            return Err(Unavailable::lasting("S3 signs no URL for longer than seven days"));
        }
        let held = self.purse.open(ttl / 2).await.map_err(|error| no_credentials(&error))?;
        let ends_at = begins_at.checked_add(ttl).map_err(Unavailable::lasting)?;
        let last = held.ends_at.and_then(|end| end.checked_sub(BEFORE_THE_END).ok());
        let ends_at = last.map_or(ends_at, |last| ends_at.min(last));
        let ends_at = Timestamp::from_second(ends_at.as_second()).map_err(Unavailable::lasting)?;
        if ends_at <= now {
            return Err(Unavailable::passing(S3Fault::ending()));
        }
        Ok(Life { begins_at, ends_at })
    }
}

#[async_trait]
impl MediaSigner for S3MediaStore {
    async fn sign_get(&self, key: &MediaKey, now: Timestamp, ttl: Duration) -> Result<SignedUrl, SignError> {
        let half = i64::try_from(ttl.as_secs() / 2).unwrap_or(i64::MAX).max(1);
        // All who sign within one half begin at the same moment, and so make the same URL.
        let begins_at = now.as_second() / half * half;
        let begins_at = Timestamp::from_second(begins_at).map_err(Unavailable::lasting)?;
        let ttl = Duration::from_secs(half.unsigned_abs().saturating_mul(2));
        let life = self.life(now, begins_at, ttl).await?;
        let request = self.bucket.client.get_object().bucket(&self.bucket.name).key(self.bucket.name_of(key));
        // Whatever is stored, it is answered as what it should be, and may be kept as long as the URL lives.
        let request = request.response_content_type(key.content_type().as_str());
        let cache = format!("private, max-age={}, immutable", ttl.as_secs());
        let request = request.response_cache_control(cache);
        let signed = request.presigned(life.presigning()?).await.map_err(|error| unavailable(&error))?;
        Ok(life.url(&signed)?)
    }

    async fn sign_put(
        &self,
        key: &MediaKey,
        len: u64,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<SignedPut, SignError> {
        let now = Timestamp::from_second(now.as_second()).map_err(Unavailable::lasting)?;
        let life = self.life(now, now, ttl).await?;
        let (encryption, kms_key) = self.bucket.encryption();
        let request = self.bucket.client.put_object().bucket(&self.bucket.name).key(self.bucket.name_of(key));
        let request = request.content_type(key.content_type().as_str());
        let request = request.content_length(i64::try_from(len).map_err(Unavailable::lasting)?);
        let request = request.set_server_side_encryption(encryption).set_ssekms_key_id(kms_key);
        let signed = request.presigned(life.presigning()?).await.map_err(|error| unavailable(&error))?;
        let headers = signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(SignedPut { url: life.url(&signed)?, headers })
    }
}
