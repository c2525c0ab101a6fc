//! Objects that another program has stored.

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use moodify_core::model::ByteStream;
use moodify_core::port::{Clock, MediaError, Unavailable};

use super::error::{broken_off, media_error};
use super::{S3Config, S3MediaStore};

/// A bucket whose objects have whatever names; only ever read.
pub struct S3Reader(S3MediaStore);

impl S3Reader {
    /// This bucket, with the credentials that the environment, a profile or a role gives.
    ///
    /// # Errors
    /// Nothing says in which region the bucket is.
    pub async fn open(config: &S3Config, clock: Arc<dyn Clock>) -> Result<Self, Unavailable> {
        S3MediaStore::open(config, clock).await.map(Self)
    }

    /// Whether the bucket is there and lets itself be asked.
    ///
    /// # Errors
    /// As those of [`S3MediaStore::check`].
    pub async fn check(&self) -> Result<(), Unavailable> {
        self.0.check().await
    }

    /// The object of this name; `None` when there is none.
    ///
    /// # Errors
    /// S3 does not give it.
    pub async fn get(&self, name: &str) -> Result<Option<ByteStream<'static>>, Unavailable> {
        // The SDK takes that for a mistake of ours.
        if name.is_empty() {
            return Ok(None);
        }
        let bucket = &self.0.bucket;
        let request = bucket.client.get_object().bucket(&bucket.name).key(bucket.name_of(name));
        let found = match request.send().await.map_err(|error| media_error(&error)) {
            Ok(found) => found,
            Err(MediaError::Unavailable(fault)) => return Err(fault),
            Err(_) => return Ok(None),
        };
        let body = stream::try_unfold(found.body, async |mut body| {
            let piece = body.try_next().await.map_err(|error| broken_off(&error))?;
            Ok(piece.map(|piece| (piece, body)))
        });
        Ok(Some(body.boxed()))
    }
}
