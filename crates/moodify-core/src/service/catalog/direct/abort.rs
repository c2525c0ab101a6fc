use crate::Error;
use crate::model::{AccountId, Caller, UploadId, UploadStatus};
use crate::service::catalog::Catalog;

impl Catalog {
    /// Gives an upload up; what it had sent is removed.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller has no such upload; `upload_finished` if it became a track.
    pub async fn abort_direct_upload(&self, caller: &Caller, id: UploadId) -> Result<(), Error> {
        self.admit(caller).await?;
        loop {
            let upload = self.own_upload(caller, id).await?;
            if matches!(upload.status, UploadStatus::Publishing | UploadStatus::Ready) {
                let message = "It has become a track: delete that.";
                return Err(Error::Conflict { code: "upload_finished", message });
            }
            // Otherwise somebody else changed it first.
            if self.end_without_track(&upload, UploadStatus::Aborted, None, "aborted").await? {
                return Ok(());
            }
        }
    }

    /// Gives up all uploads of an account that is gone.
    pub(in crate::service::catalog) async fn abort_uploads_of(
        &self,
        account: AccountId,
    ) -> Result<(), Error> {
        /// So many are read at a time.
        const PORTION: usize = 100;
        let uploads = &self.inner.parts.uploads;
        let mut after = None;
        loop {
            let some = uploads.uploads_of(account, after, PORTION).await?;
            let Some(last) = some.last() else { return Ok(()) };
            after = Some(last.id);
            for mut upload in some {
                while upload.status != UploadStatus::Aborted
                    && !self
                        .end_without_track(&upload, UploadStatus::Aborted, None, "account_deleted")
                        .await?
                {
                    let Some(changed) = uploads.upload(upload.id).await? else { break };
                    upload = changed;
                }
            }
        }
    }
}
