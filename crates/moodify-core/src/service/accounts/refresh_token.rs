//! Refresh tokens: a chain in which each is made from the one before.
//!
//! `secret(n + 1) = HMAC-SHA256(server key, session id ‖ secret(n))`. Whoever asks twice with one
//! token gets the same successor, so parallel refreshes and lost answers agree; and any older
//! token of the chain is recognised by following it forward, so its reuse is told from a guess.
//! Only the hash of the newest secret is stored.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{SecretString, zeroize::Zeroizing};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::Error;
use crate::model::{SessionId, StoredKey, TokenHash};

/// The longest way back that is followed: above 90 days of a refresh every 10 minutes.
const MAX_STEPS: u32 = 20_000;

#[derive(Clone)]
pub(super) struct RefreshToken {
    pub(super) session: SessionId,
    pub(super) generation: u32,
    secret: Zeroizing<[u8; 32]>,
}

impl RefreshToken {
    pub(super) fn first(session: SessionId, secret: [u8; 32]) -> Self {
        Self { session, generation: 0, secret: Zeroizing::new(secret) }
    }

    /// The token that this one is exchanged for.
    pub(super) fn successor(&self, key: &StoredKey) -> Result<Self, Error> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key.expose()).map_err(Error::internal)?;
        mac.update(self.session.as_uuid().as_bytes());
        mac.update(&*self.secret);
        let secret = Zeroizing::new(mac.finalize().into_bytes().into());
        Ok(Self { session: self.session, generation: self.generation.saturating_add(1), secret })
    }

    /// Whether following the chain from here to this generation leads to the token of this hash.
    pub(super) fn leads_to(&self, generation: u32, hash: TokenHash, key: &StoredKey) -> Result<bool, Error> {
        let steps = match generation.checked_sub(self.generation) {
            Some(steps) if steps <= MAX_STEPS => steps,
            _ => return Ok(false),
        };
        let mut token = self.clone();
        for _ in 0..steps {
            token = token.successor(key)?;
        }
        Ok(token.hash().0.ct_eq(&hash.0).into())
    }

    pub(super) fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(*self.secret).into())
    }

    pub(super) fn encode(&self) -> SecretString {
        let mut bytes = Zeroizing::new(Vec::with_capacity(52));
        bytes.extend_from_slice(self.session.as_uuid().as_bytes());
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.extend_from_slice(&*self.secret);
        URL_SAFE_NO_PAD.encode(&*bytes).into()
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 52]);
        // The length check keeps a huge token from being decoded at all.
        if text.len() != 70 || URL_SAFE_NO_PAD.decode_slice(text, &mut *bytes).ok()? != bytes.len() {
            return None;
        }
        let (session, rest) = bytes.split_at(16);
        let (generation, secret) = rest.split_at(4);
        Some(Self {
            session: Uuid::from_slice(session).ok()?.into(),
            generation: u32::from_be_bytes(generation.try_into().ok()?),
            secret: Zeroizing::new(secret.try_into().ok()?),
        })
    }
}
