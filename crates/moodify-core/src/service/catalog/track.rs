use super::{Catalog, TrackView};
use crate::Error;
use crate::model::{Caller, CoverSize, Track, TrackId, TrackStatus};
use crate::port::SignedUrl;

const NOT_FOUND: Error = Error::NotFound { what: "track" };

impl Catalog {
    /// One track.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none that the caller may know of.
    pub async fn track(&self, caller: &Caller, id: TrackId) -> Result<TrackView, Error> {
        let track = self.visible_track(caller, id).await?;
        self.view(caller, track).await
    }

    /// A fresh address of the audio.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no playable track that the caller may know of.
    pub async fn audio_url(&self, caller: &Caller, id: TrackId) -> Result<SignedUrl, Error> {
        let track = self.playable_track(caller, id).await?;
        self.sign(&track.audio_key()).await
    }

    /// A fresh address of the cover in this size.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no playable track that the caller may know of, or no cover.
    pub async fn cover_url(&self, caller: &Caller, id: TrackId, size: CoverSize) -> Result<SignedUrl, Error> {
        let track = self.playable_track(caller, id).await?;
        let key = track.cover_key(size).ok_or(Error::NotFound { what: "cover" })?;
        self.sign(&key).await
    }

    pub(super) async fn visible_track(&self, caller: &Caller, id: TrackId) -> Result<Track, Error> {
        let track = self.inner.parts.store.track(id).await?;
        track.filter(|track| track.is_visible_to(caller.artist_id)).ok_or(NOT_FOUND)
    }

    async fn playable_track(&self, caller: &Caller, id: TrackId) -> Result<Track, Error> {
        let track = self.visible_track(caller, id).await?;
        if track.status == TrackStatus::Ready { Ok(track) } else { Err(NOT_FOUND) }
    }
}
