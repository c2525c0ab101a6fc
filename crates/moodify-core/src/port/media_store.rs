use std::ops::Range;

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::Unavailable;
use crate::model::{ByteStream, MediaKey};

/// Stores audio and covers under server-made keys. What can hand out URLs of its own also
/// implements [`MediaSigner`](super::MediaSigner).
#[async_trait]
pub trait MediaStore: Send + Sync {
    /// Stores a body of exactly `len` bytes, replacing what was there. All or nothing: on any
    /// error, or when the call is dropped half-way, the key holds what it held before; of concurrent
    /// calls one body stays whole. Memory use does not grow with `len`.
    ///
    /// # Errors
    /// [`MediaError::Body`] if the body ends in an error, or before or after `len` bytes.
    async fn put(&self, key: &MediaKey, len: u64, body: ByteStream<'_>) -> Result<(), MediaError>;

    /// The object, or the part of it in `range`.
    ///
    /// # Errors
    /// [`MediaError::NotFound`]; [`MediaError::OutOfRange`] if the range is empty or does not lie
    /// within the object.
    async fn get(&self, key: &MediaKey, range: Option<ByteRange>) -> Result<MediaObject, MediaError>;

    /// What is known of the object; `None` when there is none.
    async fn head(&self, key: &MediaKey) -> Result<Option<MediaMeta>, MediaError>;

    /// Removes the object. It is no error if there is none.
    async fn delete(&self, key: &MediaKey) -> Result<(), MediaError>;

    /// Every object, in no order. For audits, not for requests.
    fn list(&self) -> BoxStream<'_, Result<MediaKey, MediaError>>;
}

/// First byte and the byte after the last one, from 0.
pub type ByteRange = Range<u64>;

/// What is known of a stored object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaMeta {
    /// Size of the whole object in bytes.
    pub len: u64,
    /// Strong validator: changes whenever the content does. Letters, digits and `-` only.
    pub etag: String,
}

/// An object that is being read.
pub struct MediaObject {
    /// What is known of the whole object.
    pub meta: MediaMeta,
    /// The asked-for bytes.
    pub body: ByteStream<'static>,
}

impl std::fmt::Debug for MediaObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaObject").field("meta", &self.meta).finish_non_exhaustive()
    }
}

/// Why a [`MediaStore`] failed.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// The range is not within the object.
    #[error("the range is not within the object of {len} bytes")]
    OutOfRange {
        /// Size of the whole object.
        len: u64,
    },
    /// The body could not be read to its announced end.
    #[error("the body could not be read: {0}")]
    Body(#[source] std::io::Error),
    /// The technology failed; a full disk is one of its faults.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
