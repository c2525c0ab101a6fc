//! What is left of an upload that has ended.

use std::time::Duration;

use super::urls_end;
use crate::Error;
use crate::model::{DirectUpload, MediaKey, UploadStatus, later};
use crate::service::catalog::Catalog;

/// How long a part that was begun before its URL ended may take to arrive.
const LAST_PART: Duration = Duration::from_secs(60 * 60);
/// How long clients can read how an upload ended.
const MEMORY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl Catalog {
    /// Removes what was sent: at once, and again when nothing can come any more. Then nothing is left to do
    /// but to forget the upload.
    pub(super) async fn clean(&self, upload: &DirectUpload) -> Result<(), Error> {
        if upload.status != UploadStatus::Ready {
            self.remove_leftover(upload).await?;
        }
        let sent: Vec<MediaKey> = upload.all_parts().into_iter().map(|part| part.key).collect();
        self.delete_media(&sent).await?;
        let now = self.inner.context.now();
        let closed_at = upload.closed_at.unwrap_or(now);
        let last_look = later(urls_end(closed_at), LAST_PART);
        let is_wanted = upload.status != UploadStatus::Aborted;
        let until = if is_wanted { later(closed_at, MEMORY).max(last_look) } else { last_look };
        let uploads = &self.inner.parts.uploads;
        if now >= until {
            uploads.forget_upload(upload.id, upload.version).await?;
            return Ok(());
        }
        let mut cleaned = upload.clone();
        cleaned.due_at = if now < last_look { last_look } else { until };
        cleaned.attempts = 0;
        uploads.change_upload(&cleaned).await?;
        Ok(())
    }
}
