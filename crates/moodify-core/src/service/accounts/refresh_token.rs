//! Refresh tokens: a chain in which each is made from the one before.
//!
//! `secret(n + 1) = HMAC-SHA256(server key, session id ‖ secret(n))`. Whoever asks twice with one
//! token gets the same successor, so parallel refreshes and lost answers agree. Only the hash of the
//! newest secret is stored.
//!
//! Each token bears a seal, an HMAC of all the rest: an older token of the chain is known by it, so
//! that its reuse is told from a guess, and a guess costs one HMAC.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{SecretString, zeroize::Zeroizing};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::Error;
use crate::model::{SessionId, StoredKey, TokenHash};

const SEAL_BYTES: usize = 16;
/// Session, generation, secret and seal.
const BYTES: usize = 16 + 4 + 32 + SEAL_BYTES;
/// Those in Base64.
const CHARS: usize = (BYTES * 4).div_ceil(3);

#[derive(Clone)]
pub(super) struct RefreshToken {
    pub(super) session: SessionId,
    pub(super) generation: u32,
    secret: Zeroizing<[u8; 32]>,
    seal: [u8; SEAL_BYTES],
}

impl RefreshToken {
    pub(super) fn first(session: SessionId, secret: [u8; 32], key: &StoredKey) -> Result<Self, Error> {
        Self::sealed(session, 0, Zeroizing::new(secret), key)
    }

    /// The token that this one is exchanged for.
    pub(super) fn successor(&self, key: &StoredKey) -> Result<Self, Error> {
        let secret = mac(key, &[self.session.as_uuid().as_bytes(), &*self.secret])?;
        Self::sealed(self.session, self.generation.saturating_add(1), Zeroizing::new(secret), key)
    }

    /// Whether this server made it.
    pub(super) fn is_genuine(&self, key: &StoredKey) -> Result<bool, Error> {
        let seal = seal(self.session, self.generation, &self.secret, key)?;
        Ok(seal.ct_eq(&self.seal).into())
    }

    pub(super) fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(*self.secret).into())
    }

    pub(super) fn encode(&self) -> SecretString {
        let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES));
        bytes.extend_from_slice(self.session.as_uuid().as_bytes());
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.extend_from_slice(&*self.secret);
        bytes.extend_from_slice(&self.seal);
        URL_SAFE_NO_PAD.encode(&*bytes).into()
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        // The length check keeps a huge token from being decoded at all.
        if text.len() != CHARS || URL_SAFE_NO_PAD.decode_slice(text, &mut *bytes).ok()? != bytes.len() {
            return None;
        }
        let (session, rest) = bytes.split_at(16);
        let (generation, rest) = rest.split_at(4);
        let (secret, seal) = rest.split_at(32);
        Some(Self {
            session: Uuid::from_slice(session).ok()?.into(),
            generation: u32::from_be_bytes(generation.try_into().ok()?),
            secret: Zeroizing::new(secret.try_into().ok()?),
            seal: seal.try_into().ok()?,
        })
    }

    fn sealed(
        session: SessionId,
        generation: u32,
        secret: Zeroizing<[u8; 32]>,
        key: &StoredKey,
    ) -> Result<Self, Error> {
        let seal = seal(session, generation, &secret, key)?;
        Ok(Self { session, generation, secret, seal })
    }
}

/// Begins with a word, so that it is never what a secret is made from.
fn seal(
    session: SessionId,
    generation: u32,
    secret: &[u8; 32],
    key: &StoredKey,
) -> Result<[u8; SEAL_BYTES], Error> {
    let (session, generation) = (session.as_uuid(), generation.to_be_bytes());
    let whole = mac(key, &[b"seal", session.as_bytes(), &generation, secret])?;
    let mut seal = [0; SEAL_BYTES];
    seal.copy_from_slice(&whole[..SEAL_BYTES]);
    Ok(seal)
}

fn mac(key: &StoredKey, parts: &[&[u8]]) -> Result<[u8; 32], Error> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.expose()).map_err(Error::internal)?;
    parts.iter().for_each(|part| mac.update(part));
    Ok(mac.finalize().into_bytes().into())
}
