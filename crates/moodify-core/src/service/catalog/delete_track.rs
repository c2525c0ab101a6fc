use super::Catalog;
use crate::Error;
use crate::model::event::TrackDeleted;
use crate::model::{Caller, Event, EventPayload, MediaKey, Track, TrackId};

/// How many rows one step of a long deletion removes: some milliseconds of a database's time.
pub(super) const PORTION: usize = 500;

impl Catalog {
    /// Deletes one of the caller's tracks, its place in playlists, and its media. If the media
    /// store fails just now, the event finishes the job later.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none that the caller may know of; `not_owner`;
    /// [`Error::StaleVersion`] if `expected` is not its version.
    pub async fn delete_track(
        &self,
        caller: &Caller,
        id: TrackId,
        expected: Option<u64>,
    ) -> Result<(), Error> {
        let track = self.own_track(caller, id).await?;
        let event = self.track_deleted(&track);
        let deleted = self.inner.parts.store.delete_track(id, expected, &[event]).await?;
        let track = deleted.ok_or(Error::NotFound { what: "track" })?;
        if let Err(error) = self.delete_media(&track.media_keys()).await {
            tracing::warn!(%error, track = %id, "media not removed yet; the event will see to it");
        }
        Ok(())
    }

    /// What the event of a deletion asks for: the media goes, and whoever liked the track learns that
    /// it is gone. Doing it twice is no error.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the media store or the database fails.
    pub async fn track_was_deleted(&self, event: &TrackDeleted) -> Result<(), Error> {
        self.delete_media(&MediaKey::all_of(event.audio, event.cover)).await?;
        while !self.inner.parts.library.forget_track(event.track_id, PORTION).await? {}
        Ok(())
    }

    pub(super) async fn delete_media(&self, keys: &[MediaKey]) -> Result<(), Error> {
        for key in keys {
            self.inner.parts.media.delete(key).await?;
        }
        Ok(())
    }

    pub(super) fn track_deleted(&self, track: &Track) -> Event {
        let payload = EventPayload::TrackDeleted(TrackDeleted {
            track_id: track.id,
            artist_id: track.artist_id,
            audio: track.audio,
            cover: track.cover,
        });
        self.inner.context.event(payload)
    }
}
