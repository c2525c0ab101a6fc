//! Access tokens: JWTs (RFC 9068) signed with Ed25519 (RFC 8037), and with nothing else.
//!
//! The format is a compact JWS with one fixed header, so that there is no algorithm to confuse
//! (RFC 8725, 3.1); `docs/adr/0003-access-tokens.md` says why no JWT library stands here.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer, SigningKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::config::Config;
use crate::error::{AuthFailure, Error};
use crate::model::{AccessClaims, Account, Caller, KeyId, KeyPurpose, SessionId, StoredKey};
use crate::service::{Context, KeyRing, PublishedKeyRing};

use super::verifying_keys::VerifyingKeys;

/// Who access tokens are for.
const AUDIENCE: &str = "moodify";
/// How far clocks of different machines may be apart.
const LEEWAY_SECONDS: i64 = 5;
/// Longest token worth looking at; ours have about 600 bytes.
const MAX_BYTES: usize = 4096;
/// How many verified tokens are remembered: half a megabyte.
const MAX_VERIFIED: usize = 4096;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: Algorithm,
    typ: TokenType,
    kid: KeyId,
}

#[derive(Serialize, Deserialize)]
enum Algorithm {
    EdDSA,
}

#[derive(Serialize, Deserialize)]
enum TokenType {
    #[serde(rename = "at+jwt")]
    AccessToken,
}

/// The public keys that verify access tokens (RFC 7517).
#[derive(Clone, Debug, Serialize)]
pub struct Jwks {
    /// Newest first: those that will sign soon, the one that signs, and those whose tokens may still
    /// be around.
    pub keys: Vec<Jwk>,
}

/// One public key (RFC 8037, 2).
#[derive(Clone, Debug, Serialize)]
pub struct Jwk {
    /// Key type: `OKP`.
    pub kty: &'static str,
    /// Curve: `Ed25519`.
    pub crv: &'static str,
    /// Algorithm: `EdDSA`.
    pub alg: &'static str,
    /// What it is for: `sig`.
    #[serde(rename = "use")]
    pub usage: &'static str,
    /// Which tokens it verifies.
    pub kid: String,
    /// The public key, base64url.
    pub x: String,
}

/// Signs and verifies access tokens.
pub(super) struct AccessTokens {
    keys: Arc<KeyRing>,
    context: Context,
    issuer: String,
    ttl: Duration,
    verifying: VerifyingKeys,
    /// Keys and SHA-256 of tokens whose signatures they have verified: a device presents the same one for
    /// a while.
    verified: Mutex<HashSet<(KeyId, [u8; 32])>>,
}

impl AccessTokens {
    pub(super) fn new(
        (keys, published): (Arc<KeyRing>, Option<Arc<PublishedKeyRing>>),
        context: Context,
        config: &Config,
    ) -> Self {
        let own_address = || config.public_url.as_str().trim_end_matches('/').to_owned();
        let issuer = config.issuer.clone().unwrap_or_else(own_address);
        let verifying = VerifyingKeys::new(&keys, published);
        Self {
            keys,
            context,
            issuer,
            ttl: config.accounts.access_token_ttl,
            verifying,
            verified: Mutex::default(),
        }
    }

    /// What a token for this account says, from now on.
    pub(super) fn claims(&self, account: &Account, session: SessionId) -> AccessClaims {
        let iat = self.context.now().as_second();
        AccessClaims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: account.id,
            iat,
            exp: iat.saturating_add_unsigned(self.ttl.as_secs()),
            jti: self.context.new_id::<Uuid>().to_string(),
            role: account.role(),
            sid: session,
            artist_id: account.artist.as_ref().map(|artist| artist.id),
            name: account.display_name(),
        }
    }

    /// A token that says this.
    pub(super) async fn sign(&self, claims: &AccessClaims) -> Result<String, Error> {
        let key = self.keys.current(KeyPurpose::AccessToken).await?;
        let header = Header { alg: Algorithm::EdDSA, typ: TokenType::AccessToken, kid: key.id };
        let mut token = encode(&header)?;
        token.push('.');
        token.push_str(&encode(claims)?);
        let signature = signing_key(&key).sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.to_bytes(), &mut token);
        Ok(token)
    }

    /// Who holds this token.
    pub(super) async fn verify(&self, token: &str) -> Result<Caller, Error> {
        let invalid = || Error::from(AuthFailure::InvalidToken);
        if token.len() > MAX_BYTES {
            return Err(invalid());
        }
        let (signed, signature) = token.rsplit_once('.').ok_or_else(invalid)?;
        let (header, claims) = signed.split_once('.').ok_or_else(invalid)?;
        let header: Header = decode(header).ok_or_else(invalid)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok();
        let signature = signature.and_then(|bytes| Signature::from_slice(&bytes).ok()).ok_or_else(invalid)?;
        let key = self.verifying.by_id(header.kid).await?.ok_or_else(invalid)?;
        let verified = (header.kid, Sha256::digest(token).into());
        if !lock(&self.verified).contains(&verified) {
            key.verify_strict(signed.as_bytes(), &signature).map_err(|_| invalid())?;
            self.remember(verified);
        }
        self.accept(decode(claims).ok_or_else(invalid)?)
    }

    /// Whether there is a key to verify with.
    pub(super) async fn can_verify(&self) -> Result<(), Error> {
        self.verifying.check().await
    }

    fn remember(&self, verified: (KeyId, [u8; 32])) {
        let mut known = lock(&self.verified);
        if known.len() >= MAX_VERIFIED {
            // Those in use come back with their next request.
            known.clear();
        }
        known.insert(verified);
    }

    fn accept(&self, claims: AccessClaims) -> Result<Caller, Error> {
        let now = self.context.now().as_second();
        // A clock that was set back makes good tokens come from the future. Those of a step shorter than
        // their life are let pass, so that none lives more than twice as long as it should.
        let farthest = now.saturating_add_unsigned(self.ttl.as_secs()).saturating_add(LEEWAY_SECONDS);
        if claims.iss != self.issuer || claims.aud != AUDIENCE || claims.iat > farthest {
            return Err(AuthFailure::InvalidToken.into());
        }
        let expires_at = Timestamp::from_second(claims.exp).map_err(|_| AuthFailure::InvalidToken)?;
        if claims.exp + LEEWAY_SECONDS <= now {
            return Err(AuthFailure::ExpiredToken.into());
        }
        Ok(Caller {
            account_id: claims.sub,
            session_id: claims.sid,
            role: claims.role,
            artist_id: claims.artist_id,
            name: claims.name,
            expires_at,
        })
    }

    /// The public keys.
    pub(super) async fn jwks(&self) -> Result<Jwks, Error> {
        let keys = self.keys.all(KeyPurpose::AccessToken).await?;
        Ok(Jwks { keys: keys.iter().map(public_jwk).collect() })
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn public_jwk(key: &StoredKey) -> Jwk {
    Jwk {
        kty: "OKP",
        crv: "Ed25519",
        alg: "EdDSA",
        usage: "sig",
        kid: key.id.to_string(),
        x: URL_SAFE_NO_PAD.encode(signing_key(key).verifying_key().as_bytes()),
    }
}

pub(super) fn signing_key(key: &StoredKey) -> SigningKey {
    SigningKey::from_bytes(&key.expose())
}

fn encode(part: &impl Serialize) -> Result<String, Error> {
    serde_json::to_vec(part).map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(Error::internal)
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
