//! Signed URLs for stores that cannot sign: local files and memory.

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
use crate::model::{ByteStream, KeyPurpose, MediaKey, StoredKey};
use crate::port::{
    ByteRange, MediaMeta, MediaObject, MediaSigner, MediaStore, SignError, SignedPut, SignedUrl, Unavailable,
};

/// Makes URLs under `<public_url>/media/`, and opens the objects behind them.
///
/// The signature covers the method, the key and the moment of expiry, of a URL to send to the length too; the
/// content type follows from the key, so nothing that is served can be made to look like HTML.
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

/// Proof that somebody holds a good URL to send this object to. Only [`MediaGate::verify_put`] makes one.
#[derive(Clone, Debug)]
pub struct PutGrant {
    key: MediaKey,
    len: u64,
}

/// What comes with a request to a signed URL, as it came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Announced<'a> {
    /// `Content-Type`.
    pub content_type: &'a str,
    /// `Content-Length`.
    pub len: Option<u64>,
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
        let key = MediaKey::parse(key).map_err(|_| invalid_signature())?;
        // What nobody has looked at is read by nobody.
        if key.is_upload() {
            return Err(invalid_signature());
        }
        let expires_at = self.check(expires, signature, &readable(&key, expires)).await?;
        Ok(MediaGrant { key, expires_at })
    }

    /// Checks the parts of a URL to send to, its path below `/media/` and its three parameters, and that what
    /// is sent is what was agreed.
    ///
    /// # Errors
    /// [`Error::Forbidden`] with `invalid_signature` or `url_expired`.
    pub async fn verify_put(
        &self,
        key: &str,
        [expires, len, signature]: [&str; 3],
        announced: Announced<'_>,
    ) -> Result<PutGrant, Error> {
        let key = MediaKey::parse(key).map_err(|_| invalid_signature())?;
        self.check(expires, signature, &writable(&key, expires, len)).await?;
        let agreed: u64 = len.parse().map_err(|_| invalid_signature())?;
        let is_agreed =
            announced.len == Some(agreed) && announced.content_type == key.content_type().as_str();
        if is_agreed { Ok(PutGrant { key, len: agreed }) } else { Err(invalid_signature()) }
    }

    /// When the URL ends of which this text was signed.
    async fn check(&self, expires: &str, signature: &str, text: &str) -> Result<Timestamp, Error> {
        let seconds: i64 = expires.parse().map_err(|_| invalid_signature())?;
        let expires_at = Timestamp::from_second(seconds).map_err(|_| invalid_signature())?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid_signature())?;
        let keys = self.keys.all(KeyPurpose::MediaUrl).await?;
        let is_good =
            |secret: &StoredKey| mac(secret, text).is_ok_and(|mac| mac.verify_slice(&signature).is_ok());
        if !keys.iter().any(is_good) {
            return Err(invalid_signature());
        }
        if expires_at <= self.context.now() {
            let message = "This address has expired; ask for a new one.";
            return Err(Error::Forbidden { code: "url_expired", message });
        }
        Ok(expires_at)
    }

    /// Stores what was agreed, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Body`] if the body ends in an error, or has another length; [`Error::Unavailable`].
    pub async fn put(&self, grant: &PutGrant, body: ByteStream<'_>) -> Result<(), Error> {
        Ok(self.store.put(&grant.key, grant.len, body).await?)
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
        let expires = expiry(now, ttl).to_string();
        self.signed(key, &expires, &[], &readable(key, &expires)).await
    }

    async fn sign_put(
        &self,
        key: &MediaKey,
        len: u64,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<SignedPut, SignError> {
        let ttl = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let (expires, len) = (now.as_second().saturating_add(ttl).to_string(), len.to_string());
        let url = self.signed(key, &expires, &[("len", &len)], &writable(key, &expires, &len)).await?;
        let headers = vec![("content-type".to_owned(), key.content_type().as_str().to_owned())];
        Ok(SignedPut { url, headers })
    }
}

impl MediaGate {
    /// The URL of this object, of which this text is signed.
    async fn signed(
        &self,
        key: &MediaKey,
        expires: &str,
        more: &[(&str, &str)],
        text: &str,
    ) -> Result<SignedUrl, SignError> {
        let failed = |error: Error| Unavailable::passing(error);
        let secret = self.keys.current(KeyPurpose::MediaUrl).await.map_err(failed)?;
        let seconds: i64 = expires.parse().map_err(Unavailable::lasting)?;
        let expires_at = Timestamp::from_second(seconds).map_err(Unavailable::lasting)?;
        let mac = mac(&secret, text).map_err(failed)?;
        let mut url = self.base.join(key.as_str()).map_err(Unavailable::lasting)?;
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        url.query_pairs_mut()
            .append_pair("expires", expires)
            .extend_pairs(more)
            .append_pair("sig", &signature);
        Ok(SignedUrl { url, expires_at })
    }
}

fn invalid_signature() -> Error {
    let message = "This address was not made here, or was changed.";
    Error::Forbidden { code: "invalid_signature", message }
}

/// The end of the next half `ttl`, in seconds since 1970: the same for everybody who asks within
/// one half, and never further away than `ttl`.
fn expiry(now: Timestamp, ttl: Duration) -> i64 {
    let half = i64::try_from(ttl.as_secs() / 2).unwrap_or(i64::MAX / 4).max(1);
    (now.as_second() / half + 2) * half
}

// No part of these texts can hold a line break once it is a key or a number, so no two URLs share one.

fn readable(key: &MediaKey, expires: &str) -> String {
    format!("GET\n{key}\n{expires}")
}

fn writable(key: &MediaKey, expires: &str, len: &str) -> String {
    format!("PUT\n{key}\n{expires}\n{len}")
}

fn mac(secret: &StoredKey, text: &str) -> Result<Hmac<Sha256>, Error> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.expose()).map_err(Error::internal)?;
    mac.update(text.as_bytes());
    Ok(mac)
}
