//! Signed URLs for stores that cannot sign: local files and memory.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use url::Url;

use super::{Context, KeyRing};
use crate::Error;
use crate::model::{KeyPurpose, MediaKey, StoredKey};
use crate::port::{
    ByteRange, MediaMeta, MediaObject, MediaSigner, MediaStore, SignError, SignedUrl, Unavailable,
};

/// Makes URLs under `<public_url>/media/`, and opens the objects behind them.
///
/// The signature covers the method, the key and the moment of expiry; the content type follows
/// from the key, so nothing that is served can be made to look like HTML.
#[derive(Clone)]
pub struct MediaGate {
    store: Arc<dyn MediaStore>,
    keys: Arc<KeyRing>,
    context: Context,
    base: Url,
}

/// Proof that somebody holds a good URL for this object. Only [`MediaGate::verify`] makes one.
#[derive(Clone, Debug)]
pub struct MediaGrant {
    key: MediaKey,
    expires_at: Timestamp,
}

impl MediaGrant {
    /// Which object.
    pub fn key(&self) -> &MediaKey {
        &self.key
    }

    /// When the URL stops working.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl MediaGate {
    /// A gate before this store, reached at this public address.
    pub fn new(store: Arc<dyn MediaStore>, keys: Arc<KeyRing>, context: Context, public_url: &Url) -> Self {
        let mut base = public_url.clone();
        let path = format!("{}/media/", base.path().trim_end_matches('/'));
        base.set_path(&path);
        base.set_query(None);
        base.set_fragment(None);
        Self { store, keys, context, base }
    }

    /// Checks the parts of a URL: its path below `/media/` and its two parameters.
    ///
    /// # Errors
    /// [`Error::Forbidden`] with `invalid_signature` or `url_expired`.
    pub async fn verify(&self, key: &str, expires: &str, signature: &str) -> Result<MediaGrant, Error> {
        let forbidden = |code, message| Error::Forbidden { code, message };
        let invalid = || forbidden("invalid_signature", "This address was not made here, or was changed.");
        let key = MediaKey::parse(key).map_err(|_| invalid())?;
        let seconds: i64 = expires.parse().map_err(|_| invalid())?;
        let expires_at = Timestamp::from_second(seconds).map_err(|_| invalid())?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid())?;
        let keys = self.keys.all(KeyPurpose::MediaUrl).await?;
        let is_good = |secret: &StoredKey| {
            mac(secret, &key, expires).is_ok_and(|mac| mac.verify_slice(&signature).is_ok())
        };
        if !keys.iter().any(is_good) {
            return Err(invalid());
        }
        if expires_at <= self.context.now() {
            return Err(forbidden("url_expired", "This address has expired; ask for a new one."));
        }
        Ok(MediaGrant { key, expires_at })
    }

    /// What is known of the object.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is gone.
    pub async fn head(&self, grant: &MediaGrant) -> Result<MediaMeta, Error> {
        self.store.head(&grant.key).await?.ok_or(Error::NotFound { what: "media" })
    }

    /// The object, or the part of it in `range`, which must lie within it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is gone, or shorter than the range.
    pub async fn get(&self, grant: &MediaGrant, range: Option<ByteRange>) -> Result<MediaObject, Error> {
        Ok(self.store.get(&grant.key, range).await?)
    }
}

#[async_trait]
impl MediaSigner for MediaGate {
    async fn sign_get(&self, key: &MediaKey, now: Timestamp, ttl: Duration) -> Result<SignedUrl, SignError> {
        let failed = |error: Error| Unavailable::passing(error);
        let secret = self.keys.current(KeyPurpose::MediaUrl).await.map_err(failed)?;
        let expires = expiry(now, ttl);
        let expires_at = Timestamp::from_second(expires).map_err(Unavailable::lasting)?;
        let mac = mac(&secret, key, &expires.to_string()).map_err(failed)?;
        let mut url = self.base.join(key.as_str()).map_err(Unavailable::lasting)?;
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        url.query_pairs_mut().append_pair("expires", &expires.to_string()).append_pair("sig", &signature);
        Ok(SignedUrl { url, expires_at })
    }
}

/// The end of the next half `ttl`, in seconds since 1970: the same for everybody who asks within
/// one half, and never further away than `ttl`.
fn expiry(now: Timestamp, ttl: Duration) -> i64 {
    let half = i64::try_from(ttl.as_secs() / 2).unwrap_or(i64::MAX / 4).max(1);
    (now.as_second() / half + 2) * half
}

fn mac(secret: &StoredKey, key: &MediaKey, expires: &str) -> Result<Hmac<Sha256>, Error> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.expose()).map_err(Error::internal)?;
    let mut signed = String::new();
    // Neither part can hold a line break, so no two URLs share a text.
    write!(signed, "GET\n{key}\n{expires}").map_err(Error::internal)?;
    mac.update(signed.as_bytes());
    Ok(mac)
}
