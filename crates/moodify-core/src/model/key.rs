//! Server-side secrets that outlive a process.

use std::fmt;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretSlice};

use super::KeyId;

/// What a key is for; a key is never used for two things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyPurpose {
    /// Ed25519 seeds that sign access tokens.
    AccessToken,
    /// HMAC keys that chain refresh tokens.
    RefreshToken,
    /// HMAC keys that sign media URLs.
    MediaUrl,
    /// HMAC keys under which failed log-ins are counted.
    LogInTally,
}

impl KeyPurpose {
    /// Every purpose whose keys rotate.
    pub const ALL: [Self; 3] = [Self::AccessToken, Self::RefreshToken, Self::MediaUrl];

    /// The name in databases.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
            Self::MediaUrl => "media_url",
            Self::LogInTally => "log_in_tally",
        }
    }
}

/// 32 secret bytes with a name and an age. Wiped when dropped, never shown.
#[derive(Clone)]
pub struct StoredKey {
    /// Identifier; the `kid` of tokens.
    pub id: KeyId,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// When it was made. A key signs some time after that, when every process knows it, and until
    /// a newer one does.
    pub created_at: Timestamp,
    secret: SecretSlice<u8>,
}

impl StoredKey {
    /// A key from its parts.
    pub fn new(id: KeyId, purpose: KeyPurpose, created_at: Timestamp, secret: [u8; 32]) -> Self {
        Self { id, purpose, created_at, secret: SecretSlice::from(secret.to_vec()) }
    }

    /// The secret bytes: for storing and for the cryptography only.
    pub fn expose(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.secret.expose_secret());
        bytes
    }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredKey")
            .field("id", &self.id)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}
