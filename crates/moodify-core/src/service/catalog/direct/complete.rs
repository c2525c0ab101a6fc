use super::view::DirectUploadView;
use crate::Error;
use crate::model::{Caller, UploadId, UploadStatus};
use crate::service::catalog::Catalog;

impl Catalog {
    /// Says that all was sent: from now on nothing more is signed, and somebody looks at it. Said again, it
    /// changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller has no such upload; `parts_missing`.
    pub async fn complete_direct_upload(
        &self,
        caller: &Caller,
        id: UploadId,
    ) -> Result<DirectUploadView, Error> {
        self.admit(caller).await?;
        loop {
            let mut upload = self.own_upload(caller, id).await?;
            let now = self.inner.context.now();
            if upload.status != UploadStatus::Open {
                return self.upload_view(upload, now).await;
            }
            if !self.is_all_there(&upload).await? {
                let message = "Parts are missing: ask for the upload to learn which.";
                return Err(Error::Conflict { code: "parts_missing", message });
            }
            upload.status = UploadStatus::Processing;
            upload.closed_at = Some(now);
            upload.due_at = now;
            upload.attempts = 0;
            if self.inner.parts.uploads.change_upload(&upload).await? {
                self.inner.uploads_due.notify_one();
            }
            // As it is now, whoever changed it: it is open no more, unless it was only looked after.
        }
    }
}
