use std::fmt::Display;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{ProvideCredentials, Region, SharedCredentialsProvider};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream as SdkStream;
use aws_sdk_s3::types::ServerSideEncryption;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use moodify_core::model::{ByteStream, MediaKey};
use moodify_core::port::{ByteRange, Clock, MediaError, MediaMeta, MediaObject, MediaStore, Unavailable};

use super::credentials::Purse;
use super::error::{S3Fault, broken_off, media_error, unavailable};
use super::{Encryption, S3Config, client, multipart};
use crate::parts::{PART_BYTES, Parts, Room};

/// How long a check may take, with all its tries.
const CHECK: Duration = Duration::from_secs(10);

/// Media in a bucket.
pub struct S3MediaStore {
    pub(super) bucket: Arc<Bucket>,
    pub(super) purse: Purse,
    room: Room,
}

/// A bucket, and who asks it.
pub(super) struct Bucket {
    pub(super) client: Client,
    pub(super) name: String,
    pub(super) clock: Arc<dyn Clock>,
    /// For an operation with all its tries.
    pub(super) patience: Duration,
    prefix: String,
    encryption: Option<Encryption>,
}

impl Bucket {
    /// The key as the bucket has it.
    pub(super) fn name_of(&self, key: &(impl Display + ?Sized)) -> String {
        format!("{}{key}", self.prefix)
    }

    /// What is said of encryption with every object that is stored.
    pub(super) fn encryption(&self) -> (Option<ServerSideEncryption>, Option<String>) {
        match &self.encryption {
            None => (None, None),
            Some(Encryption::Aes256) => (Some(ServerSideEncryption::Aes256), None),
            Some(Encryption::Kms { key }) => (Some(ServerSideEncryption::AwsKms), key.clone()),
        }
    }
}

impl S3MediaStore {
    /// A store in this bucket, with the credentials that the environment, a profile or a role gives. S3 is
    /// not asked yet: see [`S3MediaStore::check`].
    ///
    /// # Errors
    /// Nothing says in which region the bucket is.
    pub async fn open(config: &S3Config, clock: Arc<dyn Clock>) -> Result<Self, Unavailable> {
        let (region, credentials) = client::surroundings(config, &clock).await?;
        Ok(Self::new(config, region, credentials, clock))
    }

    /// The same with credentials from elsewhere, and in `us-east-1` unless the configuration says where.
    pub fn with_credentials(
        config: &S3Config,
        credentials: impl ProvideCredentials + 'static,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let region = Region::new(config.region.clone().unwrap_or_else(|| "us-east-1".to_owned()));
        Self::new(config, region, SharedCredentialsProvider::new(credentials), clock)
    }

    fn new(
        config: &S3Config,
        region: Region,
        credentials: SharedCredentialsProvider,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let purse = Purse::new(credentials, clock.clone());
        let bucket = Bucket {
            client: client::client(config, region, purse.clone(), clock.clone()),
            name: config.bucket.clone(),
            clock,
            patience: config.patience(),
            prefix: config.prefix.clone(),
            encryption: config.encryption.clone(),
        };
        Self { bucket: Arc::new(bucket), purse, room: Room::new() }
    }

    /// Whether the bucket is there and lets itself be asked.
    ///
    /// # Errors
    /// It does not; the source says why and, after its last semicolon, what to do.
    pub async fn check(&self) -> Result<(), Unavailable> {
        let checked = tokio::time::timeout(CHECK, self.ask()).await;
        checked.unwrap_or_else(|_| Err(Unavailable::passing(S3Fault::silent(CHECK))))
    }

    async fn ask(&self) -> Result<(), Unavailable> {
        let Bucket { client, name, prefix, .. } = &*self.bucket;
        if client.head_bucket().bucket(name).send().await.is_ok() {
            return Ok(());
        }
        // That answer has no body. This one has, and with it the reason.
        let asked = client.list_objects_v2().bucket(name).prefix(prefix).max_keys(1).send().await;
        asked.map(drop).map_err(|error| unavailable(&error))
    }

    async fn put_at_once(&self, key: &MediaKey, mut parts: Parts<'_>) -> Result<(), MediaError> {
        let Some(part) = parts.next().await? else { return Ok(()) };
        let (encryption, kms_key) = self.bucket.encryption();
        let request = self.bucket.client.put_object().bucket(&self.bucket.name).key(self.bucket.name_of(key));
        let request = request.content_type(key.content_type().as_str()).body(SdkStream::from(part.bytes));
        let request = request.set_server_side_encryption(encryption).set_ssekms_key_id(kms_key);
        request.send().await.map_err(|error| media_error(&error))?;
        drop(part.room);
        Ok(())
    }

    /// Why a range is not one of this object.
    async fn outside(&self, key: &MediaKey) -> MediaError {
        match self.head(key).await {
            Ok(Some(meta)) => MediaError::OutOfRange { len: meta.len },
            Ok(None) => MediaError::NotFound,
            Err(error) => error,
        }
    }
}

#[async_trait]
impl MediaStore for S3MediaStore {
    async fn put(&self, key: &MediaKey, len: u64, body: ByteStream<'_>) -> Result<(), MediaError> {
        let parts = Parts::new(body, len, self.room.clone());
        if len <= PART_BYTES {
            self.put_at_once(key, parts).await
        } else {
            multipart::put(&self.bucket, key, parts).await
        }
    }

    async fn get(&self, key: &MediaKey, range: Option<ByteRange>) -> Result<MediaObject, MediaError> {
        if range.as_ref().is_some_and(Range::is_empty) {
            return Err(self.outside(key).await);
        }
        let request = self.bucket.client.get_object().bucket(&self.bucket.name).key(self.bucket.name_of(key));
        // Numbers beyond all objects are as good as the largest one that everybody can read.
        let bounded = |position: u64| position.min(i64::MAX as u64);
        let asked = range.as_ref().map(|r| format!("bytes={}-{}", bounded(r.start), bounded(r.end - 1)));
        let found = match request.set_range(asked).send().await {
            Ok(found) => found,
            Err(error) if error.raw_response().is_some_and(|answer| answer.status().as_u16() == 416) => {
                return Err(self.outside(key).await);
            }
            Err(error) => return Err(media_error(&error)),
        };
        let meta = MediaMeta { len: whole_len(&found)?, etag: etag(found.e_tag.as_deref()) };
        // S3 gives what there is of a range that reaches past the end.
        if range.is_some_and(|range| range.end > meta.len) {
            return Err(MediaError::OutOfRange { len: meta.len });
        }
        let body = stream::try_unfold(found.body, async |mut body| {
            let piece = body.try_next().await.map_err(|error| broken_off(&error))?;
            Ok(piece.map(|piece| (piece, body)))
        });
        Ok(MediaObject { meta, body: body.boxed() })
    }

    async fn head(&self, key: &MediaKey) -> Result<Option<MediaMeta>, MediaError> {
        let request = self.bucket.client.head_object().bucket(&self.bucket.name);
        match request.key(self.bucket.name_of(key)).send().await {
            Ok(found) => {
                let len = found.content_length.and_then(|len| u64::try_from(len).ok());
                let len = len.ok_or_else(|| Unavailable::lasting("S3 gave no length"))?;
                Ok(Some(MediaMeta { len, etag: etag(found.e_tag.as_deref()) }))
            }
            Err(error) => match media_error(&error) {
                MediaError::NotFound => Ok(None),
                error => Err(error),
            },
        }
    }

    async fn delete(&self, key: &MediaKey) -> Result<(), MediaError> {
        let request = self.bucket.client.delete_object().bucket(&self.bucket.name);
        match request.key(self.bucket.name_of(key)).send().await.map_err(|error| media_error(&error)) {
            Ok(_) | Err(MediaError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn list(&self) -> BoxStream<'_, Result<MediaKey, MediaError>> {
        let Bucket { client, name, prefix, .. } = &*self.bucket;
        let pages = client.list_objects_v2().bucket(name).prefix(prefix).into_paginator().send();
        let pages = stream::try_unfold(pages, async |mut pages| {
            let page = pages.try_next().await.map_err(|error| media_error(&error))?;
            Ok::<_, MediaError>(page.map(|page| (page, pages)))
        });
        // What no key names is not ours.
        let ours = move |name: &str| MediaKey::parse(name.strip_prefix(prefix.as_str())?).ok();
        let keys = pages.map_ok(move |page| {
            let objects = page.contents.unwrap_or_default().into_iter();
            stream::iter(objects.filter_map(move |object| ours(object.key()?)).map(Ok))
        });
        keys.try_flatten().boxed()
    }
}

/// The size of the object of which this is all, or a part.
fn whole_len(found: &GetObjectOutput) -> Result<u64, Unavailable> {
    let len = match found.content_range() {
        Some(range) => range.rsplit_once('/').and_then(|(_, len)| len.parse().ok()),
        None => found.content_length().and_then(|len| u64::try_from(len).ok()),
    };
    len.ok_or_else(|| Unavailable::lasting("S3 gave no length"))
}

fn etag(found: Option<&str>) -> String {
    found.unwrap_or_default().trim_matches('"').to_owned()
}
