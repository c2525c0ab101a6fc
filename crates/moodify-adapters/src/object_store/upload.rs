//! Uploads in several parts: whole at the end, or gone.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{self, BoxFuture};
use futures::{FutureExt, TryStreamExt};
use moodify_core::port::{MediaError, Unavailable};
use object_store::path::Path;
use object_store::{Attributes, MultipartUpload, PutMultipartOptions, PutPayload};

use super::media_store::Place;
use crate::parts::{Part, Parts};
use crate::unfinished::{AT_ONCE, Abort, Flying, give_up};

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
    /// `None` once it is complete.
    begun: Option<Begun>,
    flying: Flying,
}

/// Where it goes, and what knows its parts.
struct Begun {
    place: Arc<Place>,
    path: Path,
    writer: Box<dyn MultipartUpload>,
}

impl Upload {
    /// Begins it in a task of its own: if nobody waits for the answer, the upload is dropped with it, and so
    /// aborted.
    async fn begin(place: &Arc<Place>, path: Path, attributes: Attributes) -> Result<Self, MediaError> {
        let place = place.clone();
        let begun = tokio::spawn(async move {
            let begin =
                place.backend.objects().put_multipart_opts(&path, PutMultipartOptions::from(attributes));
            let writer = place.within(begin).await?;
            let begun = Some(Begun { place: place.clone(), path, writer });
            Ok::<_, MediaError>(Self { place, begun, flying: Flying::new() })
        });
        begun.await.map_err(Unavailable::lasting)?
    }

    /// Sends a part; their order is that of the calls.
    fn send(&mut self, part: Part) -> BoxFuture<'static, Result<(), MediaError>> {
        let Some(begun) = &mut self.begun else { return future::ready(Ok(())).boxed() };
        let sending = begun.writer.put_part(PutPayload::from(part.bytes));
        let (place, flying) = (self.place.clone(), self.flying.clone());
        let sending = async move { place.within(sending).await };
        async move { flying.send(sending, part.room).await? }.boxed()
    }

    async fn complete(mut self) -> Result<(), MediaError> {
        if let Some(begun) = &mut self.begun {
            self.place.within(begun.writer.complete()).await?;
        }
        self.begun = None;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(begun) = self.begun.take() {
            give_up(begun, self.flying.clone(), self.place.clock.clone());
        }
    }
}

#[async_trait]
impl Abort for Begun {
    fn name(&self) -> String {
        self.path.to_string()
    }

    fn longest_part(&self) -> Duration {
        self.place.patience
    }

    async fn abort(&mut self) -> Result<(), MediaError> {
        match self.place.within(self.writer.abort()).await {
            Err(MediaError::NotFound) => Ok(()),
            asked => asked,
        }
    }
}
