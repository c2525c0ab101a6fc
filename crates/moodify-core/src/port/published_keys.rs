use async_trait::async_trait;

use super::Unavailable;
use crate::model::KeyId;

/// Where a process that signs no access tokens gets the public keys that verify them.
///
/// Whoever asks keeps what it was told: [`crate::service::PublishedKeyRing`]. So an implementation asks
/// the auth service each time, and gives up within seconds.
#[async_trait]
pub trait PublishedKeys: Send + Sync {
    /// Every key that the auth service publishes now, in any order. Keys of another kind than Ed25519 are
    /// left out: this deployment does not sign with them.
    async fn fetch(&self) -> Result<Vec<PublishedKey>, PublishedKeysError>;
}

/// A public key as it was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedKey {
    /// The `kid` of the tokens that it verifies.
    pub id: KeyId,
    /// An Ed25519 public key (RFC 8032), not yet known to be one.
    pub public: [u8; 32],
}

/// Why a [`PublishedKeys`] failed.
#[derive(Debug, thiserror::Error)]
pub enum PublishedKeysError {
    /// The auth service did not answer, or with something else.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
