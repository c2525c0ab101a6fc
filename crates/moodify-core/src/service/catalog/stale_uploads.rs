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
        let mut removed = 0;
        for track in &stale {
            if !self.is_looked_after(track).await? {
                self.remove_upload(track).await;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Whether it comes of an upload that goes on where the crash was.
    async fn is_looked_after(&self, track: &Track) -> Result<bool, Error> {
        let upload = self.inner.parts.uploads.upload(track.id.as_uuid().into()).await?;
        Ok(upload.is_some_and(|upload| upload.status.is_under_way()))
    }

    /// Takes an unfinished upload back: media first, so that the row still tells what is left to do.
    pub(super) async fn remove_upload(&self, track: &Track) {
        if let Err(error) = self.try_remove_upload(track).await {
            tracing::warn!(%error, track = %track.id, "an unfinished upload is still there; the next sweep removes it");
        }
    }

    pub(super) async fn try_remove_upload(&self, track: &Track) -> Result<(), Error> {
        self.delete_media(&track.media_keys()).await?;
        self.inner.parts.store.delete_track(track.id, None, &[]).await?;
        Ok(())
    }
}
