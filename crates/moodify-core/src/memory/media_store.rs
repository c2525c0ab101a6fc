use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use crate::model::{ByteStream, MediaKey};
use crate::port::{ByteRange, MediaError, MediaMeta, MediaObject, MediaStore};

/// How much of an object is handed out at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// A media store for tests and demonstrations: it holds every object in memory.
#[derive(Debug, Default)]
pub struct MemoryMediaStore {
    objects: Mutex<BTreeMap<MediaKey, Object>>,
}

#[derive(Clone, Debug)]
struct Object {
    meta: MediaMeta,
    bytes: Bytes,
}

impl Object {
    fn new(bytes: Bytes) -> Self {
        let mut etag = String::new();
        for byte in Sha256::digest(&bytes) {
            // Writing to a String cannot fail.
            let _ = write!(etag, "{byte:02x}");
        }
        Self { meta: MediaMeta { len: bytes.len() as u64, etag }, bytes }
    }

    fn part(&self, range: &ByteRange) -> Option<Bytes> {
        let start = usize::try_from(range.start).ok()?;
        let end = usize::try_from(range.end).ok()?;
        (start < end && end <= self.bytes.len()).then(|| self.bytes.slice(start..end))
    }
}

impl MemoryMediaStore {
    /// A store without objects.
    pub fn new() -> Self {
        Self::default()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<MediaKey, Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read_exactly(len: u64, mut body: ByteStream<'_>) -> Result<Bytes, MediaError> {
    let wrong_length = |kind, words: &str| MediaError::Body(io::Error::new(kind, words));
    let mut bytes = BytesMut::new();
    while let Some(piece) = body.try_next().await.map_err(MediaError::Body)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > len {
            return Err(wrong_length(io::ErrorKind::InvalidData, "the body goes on after its end"));
        }
    }
    if (bytes.len() as u64) < len {
        return Err(wrong_length(io::ErrorKind::UnexpectedEof, "the body ends before its end"));
    }
    Ok(bytes.freeze())
}

fn in_pieces(mut bytes: Bytes) -> ByteStream<'static> {
    stream::iter(std::iter::from_fn(move || {
        let piece = bytes.split_to(bytes.len().min(PIECE));
        (!piece.is_empty()).then_some(Ok(piece))
    }))
    .boxed()
}

#[async_trait]
impl MediaStore for MemoryMediaStore {
    async fn put(&self, key: &MediaKey, len: u64, body: ByteStream<'_>) -> Result<(), MediaError> {
        let object = Object::new(read_exactly(len, body).await?);
        self.objects().insert(key.clone(), object);
        Ok(())
    }

    async fn get(&self, key: &MediaKey, range: Option<ByteRange>) -> Result<MediaObject, MediaError> {
        let object = self.objects().get(key).cloned().ok_or(MediaError::NotFound)?;
        let bytes = match range {
            Some(range) => object.part(&range).ok_or(MediaError::OutOfRange { len: object.meta.len })?,
            None => object.bytes,
        };
        Ok(MediaObject { meta: object.meta, body: in_pieces(bytes) })
    }

    async fn head(&self, key: &MediaKey) -> Result<Option<MediaMeta>, MediaError> {
        Ok(self.objects().get(key).map(|object| object.meta.clone()))
    }

    async fn delete(&self, key: &MediaKey) -> Result<(), MediaError> {
        self.objects().remove(key);
        Ok(())
    }

    fn list(&self) -> BoxStream<'_, Result<MediaKey, MediaError>> {
        let keys: Vec<_> = self.objects().keys().cloned().map(Ok).collect();
        stream::iter(keys).boxed()
    }
}
