//! Uploads in several parts: whole at the end, or gone.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{self, BoxFuture};
use futures::{FutureExt, TryStreamExt};
use moodify_core::port::{MediaError, Unavailable};
use object_store::path::Path;
use object_store::{Attributes, MultipartUpload, PutMultipartOptions, PutPayload};
use tokio::sync::Semaphore;

use super::media_store::Place;
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
/// aborts the upload.
pub(super) async fn put(
    place: &Arc<Place>,
    path: Path,
    attributes: Attributes,
    parts: Parts<'_>,
) -> Result<(), MediaError> {
    let mut upload = Upload::begin(place, path, attributes).await?;
    let sent = parts.numbered().map_ok(|(_, part)| upload.send(part));
    sent.try_buffer_unordered(AT_ONCE.into()).try_collect::<()>().await?;
    upload.complete().await
}

/// An upload that was begun. Dropped before it is complete, it is aborted.
struct Upload {
    place: Arc<Place>,
    path: Path,
    /// `None` once it is complete.
    writer: Option<Box<dyn MultipartUpload>>,
    /// Held by the parts that are under way.
    flying: Arc<Semaphore>,
}

impl Upload {
    /// Begins it in a task of its own: if nobody waits for the answer, the upload is dropped with it, and so
    /// aborted.
    async fn begin(place: &Arc<Place>, path: Path, attributes: Attributes) -> Result<Self, MediaError> {
        let place = place.clone();
        let begun = tokio::spawn(async move {
            let begin =
                place.backend.objects().put_multipart_opts(&path, PutMultipartOptions::from(attributes));
            let writer = Some(place.within(begin).await?);
            let flying = Arc::new(Semaphore::new(AT_ONCE.into()));
            Ok::<_, MediaError>(Self { place, path, writer, flying })
        });
        begun.await.map_err(Unavailable::lasting)?
    }

    /// Sends a part; their order is that of the calls.
    fn send(&mut self, part: Part) -> BoxFuture<'static, Result<(), MediaError>> {
        let Some(writer) = &mut self.writer else { return future::ready(Ok(())).boxed() };
        let sending = writer.put_part(PutPayload::from(part.bytes));
        let (place, flying) = (self.place.clone(), self.flying.clone());
        let sent = async move {
            let flies = flying.acquire_owned().await.map_err(Unavailable::lasting)?;
            // In a task of its own: a part that is torn off half-way may be stored after the upload was aborted.
            let sending = tokio::spawn(async move {
                let sent = place.within(sending).await;
                drop((part.room, flies));
                sent
            });
            sending.await.map_err(Unavailable::lasting)?
        };
        sent.boxed()
    }

    async fn complete(mut self) -> Result<(), MediaError> {
        let place = self.place.clone();
        if let Some(writer) = &mut self.writer {
            place.within(writer.complete()).await?;
        }
        self.writer = None;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(writer) = self.writer.take() else { return };
        let (place, path, flying) = (self.place.clone(), self.path.clone(), self.flying.clone());
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(abort(place, path, writer, flying))),
            Err(_) => tracing::warn!(%path, "an unfinished upload stays in the store: the program ends"),
        }
    }
}

/// After the last part has landed: the stores promise nothing of those that are under way meanwhile.
async fn abort(place: Arc<Place>, path: Path, mut writer: Box<dyn MultipartUpload>, flying: Arc<Semaphore>) {
    let landed = pin!(flying.acquire_many(AT_ONCE.into()));
    future::select(landed, place.clock.sleep(LONGEST_PART)).await;
    for wait in WAITS.map(Some).into_iter().chain([None]) {
        let error = match place.within(writer.abort()).await {
            // Gone already, or complete: the answer to its completion may have been lost.
            Ok(()) | Err(MediaError::NotFound) => return,
            Err(error) => error,
        };
        match wait {
            Some(wait) => {
                tracing::warn!(%error, %path, "an unfinished upload is still in the store; tried again in {wait:?}");
                place.clock.sleep(wait).await;
            }
            None => tracing::error!(%error, %path, "an unfinished upload stays in the store"),
        }
    }
}
