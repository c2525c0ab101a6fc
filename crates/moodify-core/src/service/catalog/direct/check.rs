//! From quarantine to a track.

use std::io;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::refusal;
use crate::Error;
use crate::model::{
    ByteStream, DirectUpload, Invalid, MediaKey, Track, TrackStatus, UploadPart, UploadStatus,
};
use crate::port::{Measurement, Unavailable};
use crate::service::catalog::upload::Names;
use crate::service::catalog::{Catalog, UploadFields};

/// The longest that looking at one upload may take: less than anybody else waits before beginning anew.
const LONGEST_CHECK: Duration = Duration::from_secs(4 * 60);

impl Catalog {
    /// Looks at what was sent, as at any other upload, and makes a track of it or rejects it.
    pub(super) async fn check(&self, upload: &DirectUpload) -> Result<(), Error> {
        let made = tokio::select! {
            made = self.make_track(upload) => made,
            () = self.inner.context.clock.sleep(LONGEST_CHECK) => {
                Err(Unavailable::passing(format!("nothing came of it within {LONGEST_CHECK:?}")).into())
            }
        };
        let track = match made {
            Ok(track) => track,
            Err(error) => return self.judge(upload, error).await,
        };
        let mut made = upload.clone();
        made.status = UploadStatus::Publishing;
        made.attempts = 0;
        made.due_at = self.inner.context.now();
        if self.inner.parts.uploads.change_upload(&made).await? {
            return Ok(());
        }
        self.step_back(upload, &track).await
    }

    /// Shows the track, and ends the upload.
    pub(super) async fn publish_upload(&self, upload: &DirectUpload) -> Result<(), Error> {
        let store = &self.inner.parts.store;
        let found = store.track(upload.track_id()).await?;
        let is_shown = match &found {
            Some(track) if track.status == TrackStatus::Processing => self.publish(track).await?,
            Some(_) => true,
            None => false,
        };
        if !is_shown {
            // Its artist has deleted it meanwhile, perhaps before its media was put.
            self.delete_media(&MediaKey::all_of(upload.media_id(), Some(upload.media_id()))).await?;
            let why = refusal("", "track_deleted");
            self.end_without_track(upload, UploadStatus::Rejected, why, "track_deleted").await?;
            return Ok(());
        }
        let now = self.inner.context.now();
        let mut ready = upload.clone();
        ready.end(UploadStatus::Ready, None, now, now);
        if self.inner.parts.uploads.change_upload(&ready).await? {
            self.inner.context.record(Measurement::UploadStored { bytes: upload.size_bytes });
        }
        Ok(())
    }

    /// A track that is not shown yet, with its media in its place.
    async fn make_track(&self, upload: &DirectUpload) -> Result<Track, Error> {
        self.remove_leftover(upload).await?;
        if !self.is_all_there(upload).await? {
            let message = "Parts are missing.";
            return Err(Error::invalid("/parts", Invalid::new("parts_missing", message)));
        }
        let artist = self.inner.parts.store.artist(upload.artist_id).await?;
        let artist = artist.ok_or(Error::NotFound { what: "artist" })?;
        let mut taken = self.upload_for(upload.account_id, artist)?;
        taken.take_audio(self.sent(upload.parts())).await?;
        if let Some(cover) = upload.cover_part() {
            taken.take_cover(self.sent(vec![cover])).await?;
        }
        let names = Names { track: upload.track_id(), audio: upload.media_id(), cover: upload.media_id() };
        let (title, genre) = (upload.title.clone(), upload.genre.clone());
        let fields = UploadFields { title, genre, visibility: upload.visibility };
        let prepared = taken.prepare(&names, fields).await?;
        self.put(&prepared).await?;
        Ok(prepared.track)
    }

    /// What an attempt left that died before its end.
    pub(super) async fn remove_leftover(&self, upload: &DirectUpload) -> Result<(), Error> {
        let found = self.inner.parts.store.track(upload.track_id()).await?;
        match found.filter(|track| track.status == TrackStatus::Processing) {
            Some(track) => self.try_remove_upload(&track).await,
            None => Ok(()),
        }
    }

    /// What was sent, one part after the other.
    fn sent(&self, parts: Vec<UploadPart>) -> ByteStream<'static> {
        let media = self.inner.parts.media.clone();
        let bodies = stream::iter(parts).then(move |part| {
            let media = media.clone();
            async move {
                let object = media.get(&part.key, None).await.map_err(io::Error::other)?;
                Ok::<_, io::Error>(object.body)
            }
        });
        bodies.try_flatten().boxed()
    }

    /// What becomes of an upload of which no track could be made.
    async fn judge(&self, upload: &DirectUpload, error: Error) -> Result<(), Error> {
        let (status, why, reason) = match &error {
            Error::Invalid(fields) => {
                let field = fields.first();
                let (pointer, code) =
                    field.map_or(("", "invalid"), |field| (field.pointer.as_str(), field.code));
                (UploadStatus::Rejected, refusal(pointer, code), code)
            }
            Error::TooLarge { .. } => {
                (UploadStatus::Rejected, refusal("/audio", "payload_too_large"), "too_large")
            }
            // Its account is gone.
            Error::Unauthenticated(_) | Error::NotFound { what: "artist" } => {
                (UploadStatus::Aborted, None, "account_deleted")
            }
            _ => return Err(error),
        };
        self.end_without_track(upload, status, why, reason).await?;
        Ok(())
    }

    /// Somebody has changed the upload while we made a track of it: if nobody else makes one, ours goes.
    async fn step_back(&self, upload: &DirectUpload, track: &Track) -> Result<(), Error> {
        let now = self.inner.parts.uploads.upload(upload.id).await?;
        if !now.is_some_and(|now| now.status.is_under_way()) {
            self.remove_upload(track).await;
        }
        Ok(())
    }
}
