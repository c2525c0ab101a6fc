use async_trait::async_trait;

use super::Unavailable;
use crate::model::{KeyId, KeyPurpose, StoredKey};

/// Keeps the server's own secrets, so that all processes of a service share them and restarts
/// do not end anybody's session.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// All keys of a purpose, newest (`created_at`, then id) first; empty when there are none.
    async fn keys(&self, purpose: KeyPurpose) -> Result<Vec<StoredKey>, KeyStoreError>;

    /// Stores a key. Of several processes that find no key of a purpose and each add one with
    /// `only_if_none`, exactly one succeeds; the others get `false` and read again.
    async fn add_key(&self, key: &StoredKey, only_if_none: bool) -> Result<bool, KeyStoreError>;

    /// Takes a key away. Returns `false` when there is none with this id.
    async fn remove_key(&self, id: KeyId) -> Result<bool, KeyStoreError>;
}

/// Why a [`KeyStore`] failed.
#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    /// The technology failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
