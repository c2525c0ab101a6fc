//! What access tokens are verified with: this process's own keys, or those that the auth service publishes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ed25519_dalek::VerifyingKey;

use super::access_token::{lock, signing_key};
use crate::Error;
use crate::model::{KeyId, KeyPurpose};
use crate::service::{KeyRing, PublishedKeyRing};

/// The public keys of access tokens.
pub(super) enum VerifyingKeys {
    /// Those that this process signs with, and theirs as far as they were asked for.
    Own(Arc<KeyRing>, Mutex<HashMap<KeyId, VerifyingKey>>),
    /// Those of another process.
    Published(Arc<PublishedKeyRing>),
}

impl VerifyingKeys {
    /// The published ones, if there are any; or else these.
    pub(super) fn new(own: &Arc<KeyRing>, published: Option<Arc<PublishedKeyRing>>) -> Self {
        published.map_or_else(|| Self::Own(own.clone(), Mutex::default()), Self::Published)
    }

    /// The key with this id; `None` when there is none.
    pub(super) async fn by_id(&self, id: KeyId) -> Result<Option<VerifyingKey>, Error> {
        match self {
            Self::Own(ring, known) => {
                let Some(key) = ring.by_id(KeyPurpose::AccessToken, id).await? else { return Ok(None) };
                let verifying = || signing_key(&key).verifying_key();
                Ok(Some(*lock(known).entry(key.id).or_insert_with(verifying)))
            }
            Self::Published(ring) => ring.by_id(id).await,
        }
    }

    /// Whether there is one.
    pub(super) async fn check(&self) -> Result<(), Error> {
        match self {
            Self::Own(ring, _) => ring.all(KeyPurpose::AccessToken).await.map(drop),
            Self::Published(ring) => ring.check().await,
        }
    }
}
