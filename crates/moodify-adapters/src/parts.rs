//! Cuts a body into parts that are sent, and sent again, as a whole.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt};
use moodify_core::model::ByteStream;
use moodify_core::port::{MediaError, Unavailable};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The least that S3 and Google take for a part that is not the last one, 5 MiB. A body up to this goes in one
/// request.
pub(crate) const PART_BYTES: u64 = 5 << 20;

/// The most parts that S3 and Google take.
const MAX_PARTS: u64 = 10_000;

/// What all parts of a store together may hold in memory, in units: 40 MiB.
const BUDGET: u32 = 40 << 10;

/// In bytes.
const UNIT: u64 = 1 << 10;

/// Room for parts, shared by all bodies of a store. A body that has room for one part gets to its end, so
/// none waits for ever as long as bodies flow.
#[derive(Clone)]
pub(crate) struct Room(Arc<Semaphore>);

impl Room {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(BUDGET as usize)))
    }

    /// Waits for room for this many bytes. A part that is larger than all there is takes all.
    async fn take(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Unavailable> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(BUDGET);
        self.0.clone().acquire_many_owned(units).await.map_err(Unavailable::lasting)
    }
}

/// Some bytes of a body, and the room that they take.
pub(crate) struct Part {
    pub(crate) bytes: Bytes,
    pub(crate) room: OwnedSemaphorePermit,
}

/// A body that must have exactly the length that was announced.
pub(crate) struct Parts<'a> {
    body: ByteStream<'a>,
    len: u64,
    left: u64,
    room: Room,
    /// Of the last piece, what belongs to the next part.
    spare: Bytes,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(body: ByteStream<'a>, len: u64, room: Room) -> Self {
        Self { body, len, left: len, room, spare: Bytes::new() }
    }

    /// The next part, one of no bytes if there are none at all. The last one only comes when the body has
    /// ended as it should. `None` after that.
    pub(crate) async fn next(&mut self) -> Result<Option<Part>, MediaError> {
        if self.left == 0 && self.len > 0 {
            return Ok(None);
        }
        let size = PART_BYTES.max(self.len.div_ceil(MAX_PARTS)).min(self.left);
        let room = self.room.take(size).await?;
        let size = usize::try_from(size).map_err(Unavailable::lasting)?;
        let mut bytes = BytesMut::with_capacity(size);
        while bytes.len() < size {
            if self.spare.is_empty() {
                self.spare = self.piece().await?.ok_or_else(|| self.wrong_length())?;
            }
            let wanted = self.spare.len().min(size - bytes.len());
            bytes.extend_from_slice(&self.spare.split_to(wanted));
        }
        self.left -= size as u64;
        if self.left == 0 {
            self.end().await?;
        }
        Ok(Some(Part { bytes: bytes.freeze(), room }))
    }

    /// All of them, with their numbers from 1.
    pub(crate) fn numbered(self) -> BoxStream<'a, Result<(i32, Part), MediaError>> {
        let parts = stream::try_unfold((self, 1), |(mut parts, number)| async move {
            Ok(parts.next().await?.map(|part| ((number, part), (parts, number + 1))))
        });
        parts.boxed()
    }

    async fn end(&mut self) -> Result<(), MediaError> {
        while self.spare.is_empty() {
            match self.piece().await? {
                Some(piece) => self.spare = piece,
                None => return Ok(()),
            }
        }
        Err(self.wrong_length())
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, MediaError> {
        self.body.next().await.transpose().map_err(MediaError::Body)
    }

    fn wrong_length(&self) -> MediaError {
        let reason = format!("the body does not have the {} bytes that were announced", self.len);
        MediaError::Body(io::Error::new(io::ErrorKind::InvalidData, reason))
    }
}
