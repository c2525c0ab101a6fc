use std::cmp::Reverse;

use async_trait::async_trait;

use super::MemoryStore;
use crate::model::{KeyId, KeyPurpose, StoredKey};
use crate::port::{KeyStore, KeyStoreError};

pub(super) type Keys = Vec<StoredKey>;

#[async_trait]
impl KeyStore for MemoryStore {
    async fn keys(&self, purpose: KeyPurpose) -> Result<Vec<StoredKey>, KeyStoreError> {
        let tables = self.tables();
        let mut keys: Vec<_> = tables.keys.iter().filter(|key| key.purpose == purpose).cloned().collect();
        keys.sort_by_key(|key| Reverse((key.created_at, key.id)));
        Ok(keys)
    }

    async fn add_key(&self, key: &StoredKey, only_if_none: bool) -> Result<bool, KeyStoreError> {
        let keys = &mut self.tables().keys;
        if only_if_none && keys.iter().any(|other| other.purpose == key.purpose) {
            return Ok(false);
        }
        keys.push(key.clone());
        Ok(true)
    }

    async fn remove_key(&self, id: KeyId) -> Result<bool, KeyStoreError> {
        let keys = &mut self.tables().keys;
        let before = keys.len();
        keys.retain(|key| key.id != id);
        Ok(keys.len() < before)
    }
}
