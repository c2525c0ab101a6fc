use async_trait::async_trait;
use moodify_core::model::{KeyId, KeyPurpose, StoredKey};
use moodify_core::port::{KeyStore, KeyStoreError};

use super::SqlStore;
use super::database::{Row, Statement};
use super::error::Fault;

#[async_trait]
impl KeyStore for SqlStore {
    async fn keys(&self, purpose: KeyPurpose) -> Result<Vec<StoredKey>, KeyStoreError> {
        let query = Statement::new(
            "SELECT id, created_at, secret FROM keys WHERE purpose = $1 ORDER BY created_at DESC, id DESC",
        );
        let rows = self.database.all(query.bind(purpose.as_str())).await?;
        Ok(rows.iter().map(|row| key(purpose, row)).collect::<Result<_, _>>()?)
    }

    async fn add_key(&self, key: &StoredKey, only_if_none: bool) -> Result<bool, KeyStoreError> {
        let insert = if only_if_none {
            "INSERT INTO keys (id, purpose, created_at, secret, first)
             SELECT $1, $2, $3, $4, 1 WHERE NOT EXISTS (SELECT 1 FROM keys WHERE purpose = $2)
             ON CONFLICT (purpose, first) DO NOTHING"
        } else {
            "INSERT INTO keys (id, purpose, created_at, secret) VALUES ($1, $2, $3, $4)"
        };
        let insert = Statement::new(insert).bind(key.id).bind(key.purpose.as_str());
        let insert = insert.bind(key.created_at).bind(key.expose());
        Ok(self.database.run(insert).await? == 1)
    }

    async fn remove_key(&self, id: KeyId) -> Result<bool, KeyStoreError> {
        let delete = Statement::new("DELETE FROM keys WHERE id = $1").bind(id);
        Ok(self.database.run(delete).await? == 1)
    }
}

fn key(purpose: KeyPurpose, row: &Row) -> Result<StoredKey, Fault> {
    Ok(StoredKey::new(row.id("id")?, purpose, row.time("created_at")?, row.bytes32("secret")?))
}
