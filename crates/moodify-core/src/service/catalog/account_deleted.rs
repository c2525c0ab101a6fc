use super::Catalog;
use super::delete_track::PORTION;
use crate::Error;
use crate::model::event::AccountDeleted;
use crate::model::{AccountId, ArtistId, PageSize, Timestamp, TrackFilter, later};
use crate::service::delivery::HandleError;

impl Catalog {
    /// Removes everything that the music service has of an account, in portions. Begun again after a
    /// crash, or done twice, it finds what is left.
    ///
    /// First of all its access tokens are good for nothing that changes anything. What was under way just
    /// then is looked for once more, when the last of them has expired.
    ///
    /// # Errors
    /// [`HandleError::Later`] if a part fails, [`HandleError::Held`] until the second look.
    pub async fn account_was_deleted(
        &self,
        event: &AccountDeleted,
        at: Timestamp,
    ) -> Result<(), HandleError> {
        // Asked before the work: what comes during a look that began too early is found by the next one.
        let began = self.inner.context.now();
        self.note_gone(event.account_id, at).await?;
        self.abort_uploads_of(event.account_id).await?;
        if let Some(artist) = event.artist_id {
            self.remove_artist(artist).await?;
        }
        self.remove_listener(event.account_id, at).await?;
        let until = later(at, self.inner.token_life);
        if began < until { Err(HandleError::Held { until }) } else { Ok(()) }
    }

    /// Tracks first: each takes its place in playlists along, and leaves an event that takes its media
    /// and likes along.
    async fn remove_artist(&self, id: ArtistId) -> Result<(), Error> {
        let parts = &self.inner.parts;
        let all = TrackFilter { artist_id: Some(id), viewer: Some(id), ..TrackFilter::default() };
        loop {
            let tracks = parts.store.list_tracks(&all, PageSize::default(), None).await?.items;
            for track in &tracks {
                parts.store.delete_track(track.id, None, &[self.track_deleted(track)]).await?;
            }
            // An upload that ends meanwhile brings another track.
            if tracks.is_empty() && parts.library.erase_artist(id, PORTION).await? {
                return Ok(());
            }
        }
    }

    async fn remove_listener(&self, id: AccountId, at: Timestamp) -> Result<(), Error> {
        while !self.inner.parts.library.erase_listener(id, at, PORTION).await? {}
        Ok(())
    }
}
