//! The server's own secrets, as services use them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::Context;
use crate::Error;
use crate::model::{KeyPurpose, StoredKey};
use crate::port::KeyStore;

/// How long keys are used without asking the store: another process's rotation is seen after that.
const CACHE_TTL: Duration = Duration::from_secs(60);

type Keys = Arc<[StoredKey]>;

/// Reads keys through a cache, and makes the first key of a purpose when there is none.
pub struct KeyRing {
    store: Arc<dyn KeyStore>,
    context: Context,
    cache: Mutex<HashMap<KeyPurpose, (Timestamp, Keys)>>,
}

impl KeyRing {
    /// A ring over this store.
    pub fn new(store: Arc<dyn KeyStore>, context: Context) -> Self {
        Self { store, context, cache: Mutex::default() }
    }

    /// The key that signs now.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails and nothing is cached.
    pub async fn current(&self, purpose: KeyPurpose) -> Result<StoredKey, Error> {
        let keys = self.all(purpose).await?;
        keys.first().cloned().ok_or_else(|| Error::internal("the key store lost a key it had just stored"))
    }

    /// All keys that verify, the signing one first; never empty.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails and nothing is cached.
    pub async fn all(&self, purpose: KeyPurpose) -> Result<Keys, Error> {
        let now = self.context.now();
        let cached = self.cache().get(&purpose).cloned();
        match cached {
            Some((read_at, keys)) if now.duration_since(read_at).unsigned_abs() < CACHE_TTL => Ok(keys),
            Some((_, stale)) => Ok(self.load(purpose, now).await.unwrap_or_else(|error| {
                tracing::warn!(%error, purpose = purpose.as_str(), "keys not refreshed; the known ones stay in use");
                stale
            })),
            None => self.load(purpose, now).await,
        }
    }

    async fn load(&self, purpose: KeyPurpose, now: Timestamp) -> Result<Keys, Error> {
        let mut keys = self.store.keys(purpose).await?;
        if keys.is_empty() {
            let secret = self.context.random();
            let key = StoredKey::new(self.context.new_id(), purpose, now, secret);
            if self.store.add_key(&key, true).await? {
                tracing::info!(key = %key.id, purpose = purpose.as_str(), "made the first key");
            }
            keys = self.store.keys(purpose).await?;
        }
        let keys: Keys = keys.into();
        self.cache().insert(purpose, (now, keys.clone()));
        Ok(keys)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<KeyPurpose, (Timestamp, Keys)>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
