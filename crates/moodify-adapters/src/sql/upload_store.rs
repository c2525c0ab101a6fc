use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use moodify_core::model::{AccountId, DirectUpload, UploadId, later};
use moodify_core::port::{UploadStore, UploadStoreError};

use super::SqlStore;
use super::database::{Row, Statement};
use super::error::Fault;

#[async_trait]
impl UploadStore for SqlStore {
    async fn create_upload(&self, upload: &DirectUpload, max: u32) -> Result<bool, UploadStoreError> {
        let mut transaction = self.database.begin().await?;
        if max > 0 {
            // No row stands for those that others are about to store.
            transaction.lock_name(format!("uploads of {}", upload.account_id)).await?;
            let count = Statement::new(
                "SELECT COUNT(*) AS count FROM uploads
                 WHERE account_id = $1 AND (place_until IS NULL OR place_until > $2)",
            );
            let count = count.bind(upload.account_id).bind(upload.created_at);
            let row = transaction.optional(count).await?.ok_or_else(|| Fault::stored("count"))?;
            if row.unsigned::<u32>("count")? >= max {
                return Ok(false);
            }
        }
        let insert = Statement::new(
            "INSERT INTO uploads (id, account_id, place_until, due_at, leased, attempts, version, upload)
             VALUES ($1, $2, $3, $4, 0, $5, $6, $7)",
        );
        let insert = insert.bind(upload.id).bind(upload.account_id).bind(upload.place_until);
        let insert = insert.bind(upload.due_at).bind(upload.attempts).bind(upload.version);
        transaction.run(insert.bind(encode(upload)?)).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn upload(&self, id: UploadId) -> Result<Option<DirectUpload>, UploadStoreError> {
        let query = Statement::new("SELECT due_at, attempts, version, upload FROM uploads WHERE id = $1");
        let row = self.database.optional(query.bind(id)).await?;
        Ok(row.as_ref().map(upload).transpose()?)
    }

    async fn change_upload(&self, changed: &DirectUpload) -> Result<bool, UploadStoreError> {
        let update = Statement::new(
            "UPDATE uploads SET place_until = $1, due_at = $2, leased = 0, attempts = $3, upload = $4,
                                version = version + 1
             WHERE id = $5 AND version = $6",
        );
        let update = update.bind(changed.place_until).bind(changed.due_at).bind(changed.attempts);
        let update = update.bind(encode(changed)?).bind(changed.id).bind(changed.version);
        Ok(self.database.run(update).await? > 0)
    }

    async fn uploads_of(
        &self,
        account: AccountId,
        after: Option<UploadId>,
        max: usize,
    ) -> Result<Vec<DirectUpload>, UploadStoreError> {
        let mut query =
            Statement::new("SELECT due_at, attempts, version, upload FROM uploads WHERE account_id = ");
        query.push_bind(account);
        if let Some(after) = after {
            query.push(" AND id > ").push_bind(after);
        }
        query.push(" ORDER BY id LIMIT ").push_bind(max);
        let rows = self.database.all(query).await?;
        Ok(rows.iter().map(upload).collect::<Result<_, _>>()?)
    }

    async fn take_due_uploads(
        &self,
        max: usize,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<DirectUpload>, UploadStoreError> {
        // Chosen apart (MATERIALIZED): as a part of the update it may be asked for more than once, and
        // would then choose more.
        let take = Statement::new(
            "WITH due AS MATERIALIZED (
                 SELECT id FROM uploads WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2",
        );
        let take = take.skip_locked().then(
            ") UPDATE uploads SET due_at = $3, leased = 1, attempts = attempts + 1, version = version + 1
             WHERE id IN (SELECT id FROM due) RETURNING due_at, attempts, version, upload",
        );
        let rows = self.database.run_returning(take.bind(now).bind(max).bind(later(now, lease))).await?;
        Ok(rows.iter().map(upload).collect::<Result<_, _>>()?)
    }

    async fn forget_upload(&self, id: UploadId, version: u64) -> Result<bool, UploadStoreError> {
        let forget = Statement::new("DELETE FROM uploads WHERE id = $1 AND version = $2");
        Ok(self.database.run(forget.bind(id).bind(version)).await? > 0)
    }
}

fn encode(upload: &DirectUpload) -> Result<String, Fault> {
    serde_json::to_string(upload).map_err(Fault::encode)
}

/// What is taken changes columns alone.
fn upload(row: &Row) -> Result<DirectUpload, Fault> {
    let upload: DirectUpload =
        serde_json::from_str(&row.text("upload")?).map_err(|_| Fault::stored("upload"))?;
    Ok(DirectUpload {
        due_at: row.time("due_at")?,
        attempts: row.unsigned("attempts")?,
        version: row.unsigned("version")?,
        ..upload
    })
}
