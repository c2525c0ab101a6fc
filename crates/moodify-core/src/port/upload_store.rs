use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Unavailable;
use crate::model::{AccountId, DirectUpload, UploadId};

/// The uploads that go straight to the media store, and when somebody has to look after each. In the same
/// database as the catalogue.
///
/// A read that begins after a write has returned sees it. Of what changes the same upload at once, one
/// does: each change names the version that it was made from.
#[async_trait]
pub trait UploadStore: Send + Sync {
    /// Stores a new upload, unless its account has `max` others already whose `place_until` is `None` or
    /// after its `created_at`; 0 is no limit. Returns whether it was stored. However many are made at once,
    /// never more than `max` are.
    async fn create_upload(&self, upload: &DirectUpload, max: u32) -> Result<bool, UploadStoreError>;

    /// The upload with this id; `None` when there is none.
    async fn upload(&self, id: UploadId) -> Result<Option<DirectUpload>, UploadStoreError>;

    /// Puts this in place of the upload with its id, if that has the version that this one has. The version
    /// then becomes the next one, and whoever had taken the upload has it no longer. Returns whether it
    /// was changed.
    async fn change_upload(&self, changed: &DirectUpload) -> Result<bool, UploadStoreError>;

    /// At most `max` uploads of this account with greater ids than `after`, smallest first.
    async fn uploads_of(
        &self,
        account: AccountId,
        after: Option<UploadId>,
        max: usize,
    ) -> Result<Vec<DirectUpload>, UploadStoreError>;

    /// At most `max` uploads whose `due_at` has come, those longest due, in no order. Each has a new version,
    /// one attempt more, and is due again after `lease`, in case nothing is heard of it. Concurrent calls
    /// share none.
    async fn take_due_uploads(
        &self,
        max: usize,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<DirectUpload>, UploadStoreError>;

    /// Removes the upload, if it has this version. Returns whether it did.
    async fn forget_upload(&self, id: UploadId, version: u64) -> Result<bool, UploadStoreError>;
}

/// Why an [`UploadStore`] failed.
#[derive(Debug, thiserror::Error)]
pub enum UploadStoreError {
    /// The technology failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
