//! Uploads in several parts: whole at the end, or gone.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use futures::{FutureExt, TryStreamExt};
use moodify_core::model::MediaKey;
use moodify_core::port::{MediaError, Unavailable};

use super::error::{media_error, unavailable};
use super::media_store::Bucket;
use crate::parts::{Part, Parts};
use crate::unfinished::{AT_ONCE, Abort, Flying, give_up};

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
    begun: Begun,
    is_complete: bool,
    flying: Flying,
}

/// What names it.
#[derive(Clone)]
struct Begun {
    bucket: Arc<Bucket>,
    key: String,
    id: String,
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
            let begun = Begun { bucket, key, id };
            Ok::<_, MediaError>(Self { begun, is_complete: false, flying: Flying::new() })
        });
        begun.await.map_err(Unavailable::lasting)?
    }

    async fn send(&self, number: i32, part: Part) -> Result<CompletedPart, MediaError> {
        let Begun { bucket, key, id } = &self.begun;
        let request = bucket.client.upload_part().bucket(&bucket.name).key(key).upload_id(id);
        let request = request.part_number(number).body(ByteStream::from(part.bytes));
        let sent = self.flying.send(request.send(), part.room).await?.map_err(|error| media_error(&error))?;
        Ok(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).build())
    }

    async fn complete(mut self, parts: Vec<CompletedPart>) -> Result<(), MediaError> {
        let Begun { bucket, key, id } = &self.begun;
        let request = bucket.client.complete_multipart_upload().bucket(&bucket.name).key(key);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = request.upload_id(id).multipart_upload(parts);
        request.send().await.map_err(|error| media_error(&error))?;
        self.is_complete = true;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.is_complete {
            give_up(self.begun.clone(), self.flying.clone(), self.begun.bucket.clock.clone());
        }
    }
}

#[async_trait]
impl Abort for Begun {
    fn name(&self) -> String {
        format!("{} ({})", self.key, self.id)
    }

    fn longest_part(&self) -> Duration {
        self.bucket.patience
    }

    async fn abort(&mut self) -> Result<(), MediaError> {
        let Self { bucket, key, id } = &*self;
        let request = bucket.client.abort_multipart_upload().bucket(&bucket.name).key(key).upload_id(id);
        match request.send().await {
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_upload()) => Ok(()),
            asked => Ok(asked.map(drop).map_err(|error| unavailable(&error))?),
        }
    }
}
