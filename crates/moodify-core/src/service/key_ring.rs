//! The server's own secrets, as services use them; `docs/adr/0008-sessions-mail-tokens-and-keys.md` says
//! how they rotate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::Context;
use crate::Error;
use crate::config::Config;
use crate::model::{KeyId, KeyPurpose, StoredKey, later};
use crate::port::KeyStore;

/// How long keys are used without asking the store: another process's rotation is seen after that.
const CACHE_TTL: Duration = Duration::from_secs(60);

/// How soon the store is asked again for the sake of a key that nobody knows, or when it failed.
const RETRY: Duration = Duration::from_secs(5);

type Keys = Arc<[StoredKey]>;

/// Reads keys through a cache, and makes the first key of a purpose when there is none.
pub struct KeyRing {
    store: Arc<dyn KeyStore>,
    context: Context,
    cache: Mutex<HashMap<KeyPurpose, Cached>>,
    /// Held by the one who asks the store; the others wait for its answer.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Cached {
    keys: Keys,
    asked: Timestamp,
    ttl: Duration,
}

/// How long what the keys of each purpose made is good.
#[derive(Clone, Copy, Debug)]
pub struct KeyLives {
    access_token: Duration,
    refresh_token: Duration,
    media_url: Duration,
}

/// A key, and what it is good for now.
#[derive(Clone, Debug)]
pub struct KnownKey {
    /// The key.
    pub key: StoredKey,
    /// What it does.
    pub state: KeyState,
}

/// What a key does. In every state it verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It signs from that moment on: by then every process knows it.
    SignsFrom(Timestamp),
    /// It signs.
    Signs,
    /// Another one signs instead; what this one signed is good until that moment at the latest.
    VerifiesUntil(Timestamp),
}

impl KeyLives {
    /// The lives that follow from these settings.
    pub fn of(config: &Config) -> Self {
        Self {
            access_token: config.accounts.access_token_ttl,
            // A session keeps its key to its end.
            refresh_token: config.accounts.refresh_max_ttl,
            media_url: config.catalog.media_url_ttl,
        }
    }

    fn of_purpose(&self, purpose: KeyPurpose) -> Duration {
        match purpose {
            KeyPurpose::AccessToken => self.access_token,
            KeyPurpose::RefreshToken => self.refresh_token,
            KeyPurpose::MediaUrl => self.media_url,
            // Never rotated: what was counted under its names would be forgotten.
            KeyPurpose::LogInTally => Duration::MAX,
        }
    }
}

impl KeyRing {
    /// How old a key is before it signs, unless there is no older one. By then every process has
    /// read it (`CACHE_TTL`) and whoever verifies with the published keys has, too (they may be
    /// kept for [`KeyRing::PUBLISHED_TTL`]), even if clocks are a minute apart.
    pub const ACTIVATION: Duration = Duration::from_secs(3 * 60);

    /// How long others may keep the published keys.
    pub const PUBLISHED_TTL: Duration = Duration::from_secs(60);

    /// A ring over this store.
    pub fn new(store: Arc<dyn KeyStore>, context: Context) -> Self {
        Self { store, context, cache: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// The key that signs now.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails and nothing is cached.
    pub async fn current(&self, purpose: KeyPurpose) -> Result<StoredKey, Error> {
        let keys = self.all(purpose).await?;
        let signing = signing(&keys, self.context.now());
        let key = keys.get(signing).cloned();
        key.ok_or_else(|| Error::internal("the key store lost a key it had just stored"))
    }

    /// All keys that verify, newest first; never empty.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails and nothing is cached.
    pub async fn all(&self, purpose: KeyPurpose) -> Result<Keys, Error> {
        self.no_older_than(purpose, CACHE_TTL).await
    }

    /// The key with this id; `None` when there is none. One that is not known yet is worth a look
    /// into the store, but only every few seconds: anybody can make ids up.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails and nothing is cached.
    pub async fn by_id(&self, purpose: KeyPurpose, id: KeyId) -> Result<Option<StoredKey>, Error> {
        let find = |keys: &Keys| keys.iter().find(|key| key.id == id).cloned();
        match find(&self.all(purpose).await?) {
            Some(key) => Ok(Some(key)),
            None => Ok(find(&self.no_older_than(purpose, RETRY).await?)),
        }
    }

    /// All keys and what they do, newest first, as the store has them; empty when nothing has asked
    /// for one yet.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn known(&self, purpose: KeyPurpose, lives: &KeyLives) -> Result<Vec<KnownKey>, Error> {
        let keys = self.store.keys(purpose).await?;
        let states = states(&keys, self.context.now(), lives.of_purpose(purpose));
        Ok(keys.into_iter().zip(states).map(|(key, state)| KnownKey { key, state }).collect())
    }

    /// Makes a new key. It signs as soon as every process knows it; then the older ones only verify.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn rotate(&self, purpose: KeyPurpose) -> Result<StoredKey, Error> {
        let key = self.new_key(purpose);
        self.store.add_key(&key, false).await?;
        self.cache().remove(&purpose);
        tracing::info!(key = %key.id, purpose = purpose.as_str(), "made a new key");
        Ok(key)
    }

    /// Takes away keys when nothing that they signed is good any more. Returns how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn remove_retired(&self, lives: &KeyLives) -> Result<usize, Error> {
        let mut removed = 0;
        for purpose in KeyPurpose::ALL {
            for KnownKey { key, state } in self.known(purpose, lives).await? {
                let is_over = matches!(state, KeyState::VerifiesUntil(end) if end <= self.context.now());
                if is_over && self.store.remove_key(key.id).await? {
                    tracing::info!(key = %key.id, purpose = purpose.as_str(), "removed a key that nothing needs");
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    async fn no_older_than(&self, purpose: KeyPurpose, age: Duration) -> Result<Keys, Error> {
        if let Some(keys) = self.fresh(purpose, age) {
            return Ok(keys);
        }
        let _turn = self.asking.lock().await;
        if let Some(keys) = self.fresh(purpose, age) {
            return Ok(keys);
        }
        let asked = self.context.now();
        let (keys, ttl) = match (self.load(purpose).await, self.cached(purpose)) {
            (Ok(keys), _) => (keys.into(), CACHE_TTL),
            (Err(error), Some(stale)) => {
                tracing::warn!(%error, purpose = purpose.as_str(), "keys not refreshed; the known ones stay in use");
                (stale.keys, RETRY)
            }
            (Err(error), None) => return Err(error),
        };
        self.cache().insert(purpose, Cached { keys: Arc::clone(&keys), asked, ttl });
        Ok(keys)
    }

    async fn load(&self, purpose: KeyPurpose) -> Result<Vec<StoredKey>, Error> {
        let keys = self.store.keys(purpose).await?;
        if !keys.is_empty() {
            return Ok(keys);
        }
        let key = self.new_key(purpose);
        if self.store.add_key(&key, true).await? {
            tracing::info!(key = %key.id, purpose = purpose.as_str(), "made the first key");
        }
        Ok(self.store.keys(purpose).await?)
    }

    fn new_key(&self, purpose: KeyPurpose) -> StoredKey {
        StoredKey::new(self.context.new_id(), purpose, self.context.now(), self.context.random())
    }

    fn fresh(&self, purpose: KeyPurpose, age: Duration) -> Option<Keys> {
        let cached = self.cached(purpose)?;
        // Without sign: after a clock that ran ahead was set back, nothing is from the future.
        let since = self.context.now().duration_since(cached.asked).unsigned_abs();
        (since < cached.ttl.min(age)).then_some(cached.keys)
    }

    fn cached(&self, purpose: KeyPurpose) -> Option<Cached> {
        self.cache().get(&purpose).cloned()
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<KeyPurpose, Cached>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When this key begins to sign, if there is an older one.
fn signs_from(key: &StoredKey) -> Timestamp {
    later(key.created_at, KeyRing::ACTIVATION)
}

/// Which of these keys, newest first, signs: the newest that everybody knows. While there is none,
/// the oldest, which is known for longest.
fn signing(keys: &[StoredKey], now: Timestamp) -> usize {
    let known = keys.iter().position(|key| signs_from(key) <= now);
    known.unwrap_or(keys.len().saturating_sub(1))
}

fn states(keys: &[StoredKey], now: Timestamp, life: Duration) -> Vec<KeyState> {
    let signing = signing(keys, now);
    let state = |(index, key): (usize, &StoredKey)| match index.checked_sub(1) {
        _ if index < signing => KeyState::SignsFrom(signs_from(key)),
        Some(newer) if index > signing => {
            // A process whose clock is behind still signs with it for a while.
            let last_signed = later(signs_from(&keys[newer]), KeyRing::ACTIVATION);
            KeyState::VerifiesUntil(later(last_signed, life))
        }
        _ => KeyState::Signs,
    };
    keys.iter().enumerate().map(state).collect()
}
