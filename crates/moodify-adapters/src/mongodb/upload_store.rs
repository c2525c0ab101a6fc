use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mongodb::bson::{Bson, Document, doc, oid::ObjectId};
use moodify_core::model::{AccountId, DirectUpload, UploadId, later};
use moodify_core::port::{UploadStore, UploadStoreError};

use super::MongoStore;
use super::error::Fault;
use super::row::{Key, Row, json, micros, number};
use super::step::Find;

const COLLECTION: &str = "uploads";

/// One document an account, by which those who begin uploads of it at once meet.
const OWNERS: &str = "upload_owners";

#[async_trait]
impl UploadStore for MongoStore {
    async fn create_upload(&self, upload: &DirectUpload, max: u32) -> Result<bool, UploadStoreError> {
        let created = self.database.atomically(|step| {
            Box::pin(async move {
                let account = upload.account_id.key();
                let meet = doc! { "$inc": { "held": 1_i64 } };
                step.upsert(OWNERS, doc! { "_id": account.clone() }, meet).await?;
                if max > 0 {
                    let held = doc! { "account_id": account, "$or": [
                        { "place_until": Bson::Null },
                        { "place_until": { "$gt": micros(upload.created_at) } },
                    ] };
                    if step.count(COLLECTION, held).await? >= max.into() {
                        return Ok(false);
                    }
                }
                let mut document = columns(upload)?;
                document.insert("_id", upload.id.key());
                document.insert("account_id", upload.account_id.key());
                document.insert("version", number(upload.version));
                step.insert(COLLECTION, document).await?;
                Ok::<_, UploadStoreError>(true)
            })
        });
        created.await
    }

    async fn upload(&self, id: UploadId) -> Result<Option<DirectUpload>, UploadStoreError> {
        let row = self.database.plain().find_one(COLLECTION, doc! { "_id": id.key() }).await?;
        Ok(row.as_ref().map(upload_of).transpose()?)
    }

    async fn change_upload(&self, changed: &DirectUpload) -> Result<bool, UploadStoreError> {
        let change = doc! { "$set": columns(changed)?, "$inc": { "version": 1_i64 } };
        let known = of_version(changed.id, changed.version);
        Ok(self.database.plain().update(COLLECTION, known, change).await?)
    }

    async fn uploads_of(
        &self,
        account: AccountId,
        after: Option<UploadId>,
        max: usize,
    ) -> Result<Vec<DirectUpload>, UploadStoreError> {
        let mut own = doc! { "account_id": account.key() };
        if let Some(after) = after {
            own.insert("_id", doc! { "$gt": after.key() });
        }
        let find = Find::new(COLLECTION, own).sort(doc! { "_id": 1 }).limit(max);
        let rows = self.database.plain().find(find).await?;
        Ok(rows.iter().map(upload_of).collect::<Result<_, _>>()?)
    }

    async fn take_due_uploads(
        &self,
        max: usize,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<DirectUpload>, UploadStoreError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let mut step = self.database.plain();
        let due = doc! { "due_at": { "$lte": micros(now) } };
        let mark = ObjectId::new();
        loop {
            let longest_due = Find::new(COLLECTION, due.clone()).sort(doc! { "due_at": 1, "_id": 1 });
            let found = step.find(longest_due.limit(max).fields(doc! { "_id": 1 })).await?;
            let chosen: Vec<Bson> = found.into_iter().filter_map(|mut row| row.0.remove("_id")).collect();
            if chosen.is_empty() {
                return Ok(Vec::new());
            }
            let chosen = doc! { "$in": chosen };
            let still_due = doc! { "_id": chosen.clone(), "due_at": { "$lte": micros(now) } };
            let set = doc! { "due_at": micros(later(now, lease)), "leased": true, "taken_by": mark };
            let take = doc! { "$set": set, "$inc": { "attempts": 1_i64, "version": 1_i64 } };
            // Each is marked by one call only; again if others took all that it chose.
            if step.update_all(COLLECTION, still_due, take).await? > 0 {
                let taken = doc! { "_id": chosen, "taken_by": mark };
                let rows = step.find(Find::new(COLLECTION, taken)).await?;
                return Ok(rows.iter().map(upload_of).collect::<Result<_, _>>()?);
            }
        }
    }

    async fn forget_upload(&self, id: UploadId, version: u64) -> Result<bool, UploadStoreError> {
        let forgotten = self.database.atomically(|step| {
            Box::pin(async move {
                let Some(row) = step.find_one(COLLECTION, of_version(id, version)).await? else {
                    return Ok(false);
                };
                let account: AccountId = row.id("account_id")?;
                step.delete(COLLECTION, of_version(id, version)).await?;
                // Nothing of an account stays when its last upload is forgotten.
                if !step.exists(COLLECTION, doc! { "account_id": account.key() }).await? {
                    step.delete(OWNERS, doc! { "_id": account.key() }).await?;
                }
                Ok::<_, UploadStoreError>(true)
            })
        });
        forgotten.await
    }
}

fn of_version(id: UploadId, version: u64) -> Document {
    doc! { "_id": id.key(), "version": number(version) }
}

/// What a change changes. What stands in a field of its own is right there.
fn columns(upload: &DirectUpload) -> Result<Document, Fault> {
    Ok(doc! {
        "place_until": upload.place_until.map(micros),
        "due_at": micros(upload.due_at),
        "leased": false,
        "attempts": number(upload.attempts),
        "upload": json(upload)?,
    })
}

fn upload_of(row: &Row) -> Result<DirectUpload, Fault> {
    let upload: DirectUpload = row.json("upload")?;
    Ok(DirectUpload {
        due_at: row.time("due_at")?,
        attempts: row.unsigned("attempts")?,
        version: row.unsigned("version")?,
        ..upload
    })
}
