use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use moodify_core::model::{ByteStream, MediaKey};
use moodify_core::port::{ByteRange, Clock, MediaError, MediaMeta, MediaObject, MediaStore, Unavailable};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, GetRange, GetResult, ObjectMeta, PutOptions, PutPayload,
};

#[cfg(feature = "azure")]
use super::azure::{self, Azure};
use super::backend::{Backend, MAX_BACKOFF};
use super::error::broken_off;
#[cfg(feature = "gcs")]
use super::gcs::{self, Gcs};
use super::http::Http;
use super::{ObjectStoreConfig, Provider, upload};
use crate::parts::{PART_BYTES, Parts, Room};

/// How long a check may take, with all its tries.
const CHECK: Duration = Duration::from_secs(10);

/// How long a body on its way to us may stand still.
const STALL: Duration = Duration::from_secs(30);

/// No object is so large, and every store can read the number.
const FARTHEST: u64 = 1 << 50;

/// What may be kept of an object, and for how long: neither store lets a URL say it.
const CACHING: &str = "private, max-age=3600, immutable";

/// Media in a bucket of Google Cloud Storage, or in a container of Azure Blob Storage.
pub struct ObjectMediaStore {
    pub(super) place: Arc<Place>,
    room: Room,
}

/// A bucket, and who asks it.
pub(super) struct Place {
    pub(super) backend: Box<dyn Backend>,
    pub(super) clock: Arc<dyn Clock>,
    prefix: String,
    /// For an operation with all its tries.
    pub(super) patience: Duration,
}

impl ObjectMediaStore {
    /// A store in this bucket, with the credentials that the environment or the machine gives. It is not
    /// asked yet: see [`ObjectMediaStore::check`].
    ///
    /// # Errors
    /// The credentials cannot be read, or the account has no name.
    pub fn open(config: &ObjectStoreConfig, clock: Arc<dyn Clock>) -> Result<Self, Unavailable> {
        Self::new(config, None, clock)
    }

    /// The same with a key from elsewhere: of Google the JSON of a service account, of Azure that of the
    /// account.
    ///
    /// # Errors
    /// The key cannot be read, or the account has no name.
    pub fn with_key(
        config: &ObjectStoreConfig,
        key: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Unavailable> {
        Self::new(config, Some(key), clock)
    }

    fn new(
        config: &ObjectStoreConfig,
        key: Option<&str>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Unavailable> {
        let http = Http::new(config.timeout)?;
        let backend: Box<dyn Backend> = match config.provider {
            #[cfg(feature = "gcs")]
            Provider::Gcs => {
                let opened = Gcs::open(config, key, &http);
                Box::new(opened.map_err(|error| gcs::NAMES.unavailable(&error))?)
            }
            #[cfg(feature = "azure")]
            Provider::Azure => {
                let opened = Azure::open(config, key, &http, clock.clone());
                Box::new(opened.map_err(|error| azure::NAMES.unavailable(&error))?)
            }
        };
        let patience = config.timeout.saturating_add(MAX_BACKOFF).saturating_mul(config.attempts.max(1));
        let place = Place { backend, clock, prefix: config.prefix.clone(), patience };
        Ok(Self { place: Arc::new(place), room: Room::new() })
    }

    /// Whether the bucket is there and lets itself be asked.
    ///
    /// # Errors
    /// It does not; the source says why and, after its last semicolon, what to do.
    pub async fn check(&self) -> Result<(), Unavailable> {
        let backend = &self.place.backend;
        let prefix = Some(self.place.prefix.as_str()).filter(|prefix| !prefix.is_empty());
        match tokio::time::timeout(CHECK, backend.list_one(prefix)).await {
            Ok(asked) => asked.map_err(|error| backend.names().unavailable(&error)),
            Err(_) => Err(backend.names().silent(CHECK)),
        }
    }

    async fn put_at_once(&self, key: &MediaKey, mut parts: Parts<'_>) -> Result<(), MediaError> {
        let Some(part) = parts.next().await? else { return Ok(()) };
        let body = if part.bytes.is_empty() { PutPayload::new() } else { PutPayload::from(part.bytes) };
        let (path, options) = (self.place.path(key), PutOptions::from(attributes(key)));
        self.place.within(self.place.backend.objects().put_opts(&path, body, options)).await?;
        drop(part.room);
        Ok(())
    }

    async fn find(&self, key: &MediaKey, options: GetOptions) -> Result<GetResult, MediaError> {
        let path = self.place.path(key);
        self.place.within(self.place.backend.objects().get_opts(&path, options)).await
    }

    /// Why a range is not one of this object; `None` if it is one.
    async fn outside(&self, key: &MediaKey, range: &ByteRange) -> Result<Option<MediaError>, MediaError> {
        let Some(meta) = self.head(key).await? else { return Ok(Some(MediaError::NotFound)) };
        let is_outside = range.is_empty() || range.end > meta.len;
        Ok(is_outside.then_some(MediaError::OutOfRange { len: meta.len }))
    }
}

impl Place {
    /// The key as the bucket has it.
    pub(super) fn path(&self, key: &MediaKey) -> Path {
        Path::from(format!("{}{key}", self.prefix))
    }

    /// What came of it, in time.
    pub(super) async fn within<T>(
        &self,
        asked: impl Future<Output = object_store::Result<T>> + Send,
    ) -> Result<T, MediaError> {
        match tokio::time::timeout(self.patience, asked).await {
            Ok(done) => done.map_err(|error| self.backend.names().media_error(&error)),
            Err(_) => Err(self.backend.names().silent(self.patience).into()),
        }
    }
}

#[async_trait]
impl MediaStore for ObjectMediaStore {
    async fn put(&self, key: &MediaKey, len: u64, body: ByteStream<'_>) -> Result<(), MediaError> {
        let parts = Parts::new(body, len, self.room.clone());
        if len <= PART_BYTES {
            self.put_at_once(key, parts).await
        } else {
            upload::put(&self.place, self.place.path(key), attributes(key), parts).await
        }
    }

    async fn get(&self, key: &MediaKey, range: Option<ByteRange>) -> Result<MediaObject, MediaError> {
        if let Some(range) = range.as_ref().filter(|range| Range::is_empty(range) || range.end > FARTHEST) {
            let why = self.outside(key, range).await?;
            return Err(why.unwrap_or(MediaError::OutOfRange { len: 0 }));
        }
        let options = GetOptions { range: range.clone().map(GetRange::Bounded), ..GetOptions::default() };
        let found = match (self.find(key, options).await, &range) {
            (Ok(found), _) => found,
            // What a range outside is answered with differs from store to store.
            (Err(MediaError::Unavailable(fault)), Some(range)) if !fault.retryable => {
                let why = self.outside(key, range).await?;
                return Err(why.unwrap_or(MediaError::Unavailable(fault)));
            }
            (Err(error), _) => return Err(error),
        };
        let meta = meta(&found.meta);
        // They give what there is of a range that reaches past the end.
        if range.is_some_and(|range| range.end > meta.len) {
            return Err(MediaError::OutOfRange { len: meta.len });
        }
        let body = stream::try_unfold(found.into_stream(), async |mut body| {
            let piece = tokio::time::timeout(STALL, body.try_next()).await;
            let piece = piece.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
            let piece = piece.map_err(|error| broken_off(&error))?;
            Ok::<_, io::Error>(piece.map(|piece| (piece, body)))
        });
        Ok(MediaObject { meta, body: body.boxed() })
    }

    async fn head(&self, key: &MediaKey) -> Result<Option<MediaMeta>, MediaError> {
        match self.find(key, GetOptions { head: true, ..GetOptions::default() }).await {
            Ok(found) => Ok(Some(meta(&found.meta))),
            Err(MediaError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, key: &MediaKey) -> Result<(), MediaError> {
        let path = self.place.path(key);
        match self.place.within(self.place.backend.delete(&path)).await {
            Err(MediaError::NotFound) => Ok(()),
            done => done,
        }
    }

    fn list(&self) -> BoxStream<'_, Result<MediaKey, MediaError>> {
        let place = &self.place;
        let prefix = Some(place.prefix.as_str()).filter(|prefix| !prefix.is_empty()).map(Path::from);
        let objects = place.backend.objects().list(prefix.as_ref());
        let objects = stream::try_unfold(objects, move |mut objects| async move {
            let found = place.within(objects.try_next()).await?;
            Ok::<_, MediaError>(found.map(|found| (found, objects)))
        });
        // What no key names is not ours.
        let ours = move |name: &str| MediaKey::parse(name.strip_prefix(place.prefix.as_str())?).ok();
        objects.try_filter_map(move |found| future::ready(Ok(ours(found.location.as_ref())))).boxed()
    }
}

/// What is said of an object with its bytes.
fn attributes(key: &MediaKey) -> Attributes {
    let is = (Attribute::ContentType, key.content_type().as_str());
    Attributes::from_iter([is, (Attribute::CacheControl, CACHING)])
}

fn meta(found: &ObjectMeta) -> MediaMeta {
    MediaMeta { len: found.size, etag: etag(found.e_tag.as_deref().unwrap_or_default()) }
}

/// Some of Google's are Base64, which has letters that ours do not.
fn etag(found: &str) -> String {
    let found = found.trim_start_matches("W/").trim_matches('"');
    if found.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return found.to_owned();
    }
    found.bytes().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validators_are_plain_and_apart() {
        assert_eq!(etag("\"5d41402abc4b2a76b9719d911017c592\""), "5d41402abc4b2a76b9719d911017c592");
        assert_eq!(etag("\"0x8D4BCC2E4835CD0\""), "0x8D4BCC2E4835CD0");
        let (one, other) = (etag("\"CKih16GjycICEAE=\""), etag("\"CKih16GjycICEAI=\""));
        assert_ne!(one, other);
        assert!(one.bytes().all(|b| b.is_ascii_alphanumeric()), "{one}");
    }
}
