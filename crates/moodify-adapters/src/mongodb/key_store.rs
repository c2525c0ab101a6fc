use async_trait::async_trait;
use mongodb::bson::doc;
use moodify_core::model::{KeyId, KeyPurpose, StoredKey};
use moodify_core::port::{KeyStore, KeyStoreError};

use super::MongoStore;
use super::error::Fault;
use super::row::{Key, Row, bytes, micros};
use super::step::Find;

const COLLECTION: &str = "keys";

#[async_trait]
impl KeyStore for MongoStore {
    async fn keys(&self, purpose: KeyPurpose) -> Result<Vec<StoredKey>, KeyStoreError> {
        let query = Find::new(COLLECTION, doc! { "purpose": purpose.as_str() });
        let rows = self.database.plain().find(query.sort(doc! { "created_at": -1, "_id": -1 })).await?;
        Ok(rows.iter().map(|row| key(purpose, row)).collect::<Result<_, _>>()?)
    }

    async fn add_key(&self, key: &StoredKey, only_if_none: bool) -> Result<bool, KeyStoreError> {
        let mut step = self.database.plain();
        let purpose = key.purpose.as_str();
        if only_if_none && step.exists(COLLECTION, doc! { "purpose": purpose }).await? {
            return Ok(false);
        }
        let mut insert = doc! {
            "_id": key.id.key(),
            "purpose": purpose,
            "created_at": micros(key.created_at),
            "secret": bytes(key.expose()),
        };
        if only_if_none {
            // A purpose has one first key: of several processes that saw none, one stores its own.
            insert.insert("first", true);
        }
        Ok(step.insert_new(COLLECTION, insert).await?)
    }

    async fn remove_key(&self, id: KeyId) -> Result<bool, KeyStoreError> {
        Ok(self.database.plain().delete(COLLECTION, doc! { "_id": id.key() }).await?)
    }
}

fn key(purpose: KeyPurpose, row: &Row) -> Result<StoredKey, Fault> {
    Ok(StoredKey::new(row.id("_id")?, purpose, row.time("created_at")?, row.bytes32("secret")?))
}
