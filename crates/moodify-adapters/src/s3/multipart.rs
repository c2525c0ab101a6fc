//! Uploads in several parts: whole at the end, or gone.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use futures::{FutureExt, TryStreamExt, future};
use moodify_core::model::MediaKey;
use moodify_core::port::{MediaError, Unavailable};
use tokio::sync::Semaphore;

use super::error::{media_error, unavailable};
use super::media_store::Bucket;
use crate::parts::{Part, Parts};

/// Parts of one body that are under way at once.
const AT_ONCE: u8 = 2;

/// How long an abort waits for parts that are under way.
const LONGEST_PART: Duration = Duration::from_secs(60);

/// Waits before another try to abort what could not be aborted. Together longer than a store restarts.
const WAITS: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(600),
];

/// Stores a body in parts. Whatever ends this before its time, also that nobody waits for it any more,
/// leaves no part behind.
pub(super) async fn put(bucket: &Arc<Bucket>, key: &MediaKey, parts: Parts<'_>) -> Result<(), MediaError> {
    let upload = Upload::begin(bucket, key).await?;
    let sent = parts.numbered().map_ok(|(number, part)| upload.send(number, part).boxed());
    let mut sent: Vec<CompletedPart> = sent.try_buffer_unordered(AT_ONCE.into()).try_collect().await?;
    sent.sort_by_key(CompletedPart::part_number);
    upload.complete(sent).await
}

/// An upload that was begun. Dropped before it is complete, it is aborted.
struct Upload {
    bucket: Arc<Bucket>,
    key: String,
    id: String,
    is_complete: bool,
    /// Held by the parts that are under way.
    flying: Arc<Semaphore>,
}

impl Upload {
    /// Begins it in a task of its own: if nobody waits for the answer, the upload is dropped with it, and so
    /// aborted.
    async fn begin(bucket: &Arc<Bucket>, key: &MediaKey) -> Result<Self, MediaError> {
        let (bucket, content_type) = (bucket.clone(), key.content_type().as_str());
        let key = bucket.name_of(key);
        let begun = tokio::spawn(async move {
            let (encryption, kms_key) = bucket.encryption();
            let request = bucket.client.create_multipart_upload().bucket(&bucket.name).key(&key);
            let request = request.content_type(content_type);
            let request = request.set_server_side_encryption(encryption).set_ssekms_key_id(kms_key);
            let begun = request.send().await.map_err(|error| unavailable(&error))?;
            let id = begun.upload_id.ok_or_else(|| Unavailable::lasting("S3 gave the upload no id"))?;
            let flying = Arc::new(Semaphore::new(AT_ONCE.into()));
            Ok::<_, MediaError>(Self { bucket, key, id, is_complete: false, flying })
        });
        begun.await.map_err(Unavailable::lasting)?
    }

    async fn send(&self, number: i32, part: Part) -> Result<CompletedPart, MediaError> {
        let client = &self.bucket.client;
        let request = client.upload_part().bucket(&self.bucket.name).key(&self.key).upload_id(&self.id);
        let request = request.part_number(number).body(ByteStream::from(part.bytes));
        let flies = self.flying.clone().acquire_owned().await.map_err(Unavailable::lasting)?;
        // In a task of its own: a part that is torn off half-way may be stored after the upload was aborted.
        let sending = tokio::spawn(async move {
            let sent = request.send().await;
            drop((part.room, flies));
            sent
        });
        let sent = sending.await.map_err(Unavailable::lasting)?.map_err(|error| media_error(&error))?;
        Ok(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).build())
    }

    async fn complete(mut self, parts: Vec<CompletedPart>) -> Result<(), MediaError> {
        let client = &self.bucket.client;
        let request = client.complete_multipart_upload().bucket(&self.bucket.name).key(&self.key);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = request.upload_id(&self.id).multipart_upload(parts);
        request.send().await.map_err(|error| media_error(&error))?;
        self.is_complete = true;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.is_complete {
            return;
        }
        let (bucket, key, id) = (self.bucket.clone(), self.key.clone(), self.id.clone());
        let flying = self.flying.clone();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(abort(bucket, key, id, flying))),
            Err(_) => tracing::warn!(key, id, "an unfinished upload stays in the bucket: the program ends"),
        }
    }
}

/// After the last part has landed: S3 promises nothing of those that are under way meanwhile.
async fn abort(bucket: Arc<Bucket>, key: String, id: String, flying: Arc<Semaphore>) {
    let landed = pin!(flying.acquire_many(AT_ONCE.into()));
    future::select(landed, bucket.clock.sleep(LONGEST_PART)).await;
    for wait in WAITS.map(Some).into_iter().chain([None]) {
        let request = bucket.client.abort_multipart_upload().bucket(&bucket.name).key(&key).upload_id(&id);
        let Err(error) = request.send().await else { return };
        // Gone already, or complete: the answer to its completion may have been lost.
        if error.as_service_error().is_some_and(|error| error.is_no_such_upload()) {
            return;
        }
        let error = unavailable(&error);
        match wait {
            Some(wait) => {
                tracing::warn!(%error, key, id, "an unfinished upload is still in the bucket; tried again in {wait:?}");
                bucket.clock.sleep(wait).await;
            }
            None => tracing::error!(%error, key, id, "an unfinished upload stays in the bucket"),
        }
    }
}
