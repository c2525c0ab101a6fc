use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;
use crate::model::{AccountId, DirectUpload, UploadId, later};
use crate::port::{UploadStore, UploadStoreError};

pub(super) type Uploads = BTreeMap<UploadId, DirectUpload>;

#[async_trait]
impl UploadStore for MemoryStore {
    async fn create_upload(&self, upload: &DirectUpload, max: u32) -> Result<bool, UploadStoreError> {
        let uploads = &mut self.tables().uploads;
        let holds_a_place = |other: &&DirectUpload| {
            other.account_id == upload.account_id
                && other.place_until.is_none_or(|until| until > upload.created_at)
        };
        if max > 0 && uploads.values().filter(holds_a_place).count() >= max as usize {
            return Ok(false);
        }
        uploads.insert(upload.id, upload.clone());
        Ok(true)
    }

    async fn upload(&self, id: UploadId) -> Result<Option<DirectUpload>, UploadStoreError> {
        Ok(self.tables().uploads.get(&id).cloned())
    }

    async fn change_upload(&self, changed: &DirectUpload) -> Result<bool, UploadStoreError> {
        let mut tables = self.tables();
        let found = tables.uploads.get_mut(&changed.id).filter(|found| found.version == changed.version);
        let Some(found) = found else { return Ok(false) };
        *found = DirectUpload { version: changed.version + 1, ..changed.clone() };
        Ok(true)
    }

    async fn uploads_of(
        &self,
        account: AccountId,
        after: Option<UploadId>,
        max: usize,
    ) -> Result<Vec<DirectUpload>, UploadStoreError> {
        let tables = self.tables();
        let own = tables.uploads.values().filter(|upload| upload.account_id == account);
        Ok(own.filter(|upload| after.is_none_or(|after| upload.id > after)).take(max).cloned().collect())
    }

    async fn take_due_uploads(
        &self,
        max: usize,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<DirectUpload>, UploadStoreError> {
        let mut tables = self.tables();
        let mut due: Vec<_> = tables.uploads.values_mut().filter(|upload| upload.due_at <= now).collect();
        due.sort_by_key(|upload| (upload.due_at, upload.id));
        let taken = due.into_iter().take(max).map(|upload| {
            upload.due_at = later(now, lease);
            upload.attempts += 1;
            upload.version += 1;
            upload.clone()
        });
        Ok(taken.collect())
    }

    async fn forget_upload(&self, id: UploadId, version: u64) -> Result<bool, UploadStoreError> {
        let uploads = &mut self.tables().uploads;
        let is_this = uploads.get(&id).is_some_and(|upload| upload.version == version);
        if is_this {
            uploads.remove(&id);
        }
        Ok(is_this)
    }
}
