use super::Catalog;
use crate::Error;
use crate::model::{Track, earlier};

impl Catalog {
    /// Removes uploads that a crash left half done. Returns how many there were.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn remove_stale_uploads(&self) -> Result<usize, Error> {
        let before = earlier(self.inner.context.now(), self.inner.config.stale_upload_after);
        let stale = self.inner.parts.store.stale_uploads(before).await?;
        for track in &stale {
            self.remove_upload(track).await;
        }
        Ok(stale.len())
    }

    /// Takes an unfinished upload back: media first, so that the row still tells what is left to do.
    pub(super) async fn remove_upload(&self, track: &Track) {
        if let Err(error) = self.try_remove_upload(track).await {
            tracing::warn!(%error, track = %track.id, "an unfinished upload is still there; the next sweep removes it");
        }
    }

    async fn try_remove_upload(&self, track: &Track) -> Result<(), Error> {
        self.delete_media(&track.media_keys()).await?;
        self.inner.parts.store.delete_track(track.id, None, &[]).await?;
        Ok(())
    }
}
