//! Where audio and covers are kept.

use std::sync::Arc;

use moodify_adapters::files::FileMediaStore;
#[cfg(any(feature = "azure", feature = "gcs"))]
use moodify_adapters::object_store::{ObjectMediaStore, ObjectStoreConfig};
#[cfg(feature = "s3")]
use moodify_adapters::s3::{S3Config, S3MediaStore};
use moodify_core::port::Clock;
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
use moodify_core::{
    model::MediaKey,
    port::{MediaSigner, SignError, Unavailable},
};
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
use secrecy::ExposeSecret;
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
use uuid::Uuid;

#[cfg(not(all(feature = "azure", feature = "gcs", feature = "s3")))]
use super::failures::not_built;
use super::failures::{not_writable, unknown};
use crate::{
    config::{Address, Settings},
    failure::{Failure, one_line},
    media::Media,
};

/// `media`
pub(crate) async fn media(
    settings: &Settings,
    #[cfg_attr(not(any(feature = "azure", feature = "gcs", feature = "s3")), expect(unused_variables))]
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Media>, Failure> {
    let address = &settings.media()?;
    match address.scheme() {
        "file" => match FileMediaStore::open(address.path()) {
            Ok(store) => Ok(Arc::new(store)),
            Err(error) => Err(not_writable("media", address, &error)),
        },
        #[cfg(feature = "s3")]
        "s3" => usable(address, s3(settings, address, clock.clone()).await?, &*clock).await,
        #[cfg(not(feature = "s3"))]
        "s3" => Err(not_built("media", address, "s3", "file://data/media")),
        #[cfg(feature = "gcs")]
        "gs" => usable(address, object_store(settings, address, clock.clone())?, &*clock).await,
        #[cfg(not(feature = "gcs"))]
        "gs" => Err(not_built("media", address, "gcs", "file://data/media")),
        #[cfg(feature = "azure")]
        "az" => usable(address, object_store(settings, address, clock.clone())?, &*clock).await,
        #[cfg(not(feature = "azure"))]
        "az" => Err(not_built("media", address, "azure", "file://data/media")),
        _ => Err(unknown("media", address, "file://data/media")),
    }
}

#[cfg(feature = "s3")]
async fn s3(settings: &Settings, address: &Address, clock: Arc<dyn Clock>) -> Result<S3MediaStore, Failure> {
    let config = S3Config::from_url(address.secret().expose_secret())
        .map_err(|error| Failure::new(format!("media is {address}: {error}"), "correct the URL"))?;
    signs_so_long(settings, address, "S3", S3MediaStore::LONGEST_URL)?;
    S3MediaStore::open(&config, clock).await.map_err(|error| media_failure(address, &error))
}

#[cfg(any(feature = "azure", feature = "gcs"))]
fn object_store(
    settings: &Settings,
    address: &Address,
    clock: Arc<dyn Clock>,
) -> Result<ObjectMediaStore, Failure> {
    let config = ObjectStoreConfig::from_url(address.secret().expose_secret())
        .map_err(|error| Failure::new(format!("media is {address}: {error}"), "correct the URL"))?;
    signs_so_long(settings, address, "that store", ObjectMediaStore::LONGEST_URL)?;
    ObjectMediaStore::open(&config, clock).map_err(|error| media_failure(address, &error))
}

/// Whether the store signs URLs that live as long as they shall.
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
fn signs_so_long(
    settings: &Settings,
    address: &Address,
    store: &str,
    longest: std::time::Duration,
) -> Result<(), Failure> {
    if settings.catalog.config().media_url_ttl <= longest {
        return Ok(());
    }
    let what = format!("media is {address}, and {store} signs no URL for longer than seven days");
    Err(Failure::new(what, "lower catalog.media_url_ttl_secs to 604800 or less"))
}

/// How long whoever signs may take: music does not listen before. Twice this is within the doctor's patience,
/// who asks when it opens the store and once more to tell of it.
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
const SIGNING: std::time::Duration = std::time::Duration::from_secs(5);

/// A store that lets itself be asked, or that may do so later.
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
async fn usable(
    address: &Address,
    store: impl Media + 'static,
    clock: &dyn Clock,
) -> Result<Arc<dyn Media>, Failure> {
    match store.check().await {
        Err(error) if !error.retryable => return Err(media_failure(address, &error)),
        // It may be back before anybody needs it; until then `/health/ready` says so.
        Err(error) => tracing::warn!(%error, %address, "media cannot be used now"),
        Ok(()) => match signs(&store, clock).await {
            Err(error) if !error.retryable => return Err(signing_failure(address, &error)),
            Err(error) => tracing::warn!(%error, %address, "no URL of media can be signed now"),
            Ok(()) => {}
        },
    }
    Ok(Arc::new(store))
}

/// Makes a URL that nobody gets: who may read and write need not be able to sign, and then nothing plays.
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
pub(crate) async fn signs(store: &dyn Media, clock: &dyn Clock) -> Result<(), Unavailable> {
    match store.signer() {
        Some(signer) => signs_in_time(signer, clock).await,
        None => Ok(()),
    }
}

#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
async fn signs_in_time(signer: &dyn MediaSigner, clock: &dyn Clock) -> Result<(), Unavailable> {
    let key = MediaKey::audio(Uuid::nil().into());
    let signing = signer.sign_get(&key, clock.now(), std::time::Duration::from_secs(60));
    match tokio::time::timeout(SIGNING, signing).await {
        Ok(signed) => signed.map(drop).map_err(|SignError::Unavailable(fault)| fault),
        Err(_) => Err(Unavailable::passing(format!(
            "nobody signed within {SIGNING:?}; let this machine reach those who give it credentials, and who \
             signs with them: iamcredentials.googleapis.com for Google, the storage account itself for Azure"
        ))),
    }
}

/// What is wrong with where audio and covers are.
pub(crate) fn media_failure(address: &Address, error: &dyn std::error::Error) -> Failure {
    failure(address, "cannot be used", error)
}

/// What is wrong with what makes its URLs.
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
pub(crate) fn signing_failure(address: &Address, error: &dyn std::error::Error) -> Failure {
    failure(address, "signs no URL", error)
}

fn failure(address: &Address, how: &str, error: &dyn std::error::Error) -> Failure {
    let text = one_line(error);
    match (address.scheme(), text.rsplit_once("; ")) {
        // Those errors end in what to do.
        ("s3" | "gs" | "az", Some((what, fix))) => {
            Failure::new(format!("media at {address} {how}: {what}"), fix)
        }
        _ => Failure::new(text, format!("look at {address}")),
    }
}

#[cfg(all(test, any(feature = "azure", feature = "gcs", feature = "s3")))]
mod tests {
    use std::{future::pending, time::Duration};

    use async_trait::async_trait;
    use moodify_core::{
        memory::FixedClock,
        model::Timestamp,
        port::{SignedPut, SignedUrl},
    };

    use super::*;

    /// Who is asked to sign, and never answers.
    struct Silent;

    #[async_trait]
    impl MediaSigner for Silent {
        async fn sign_get(&self, _: &MediaKey, _: Timestamp, _: Duration) -> Result<SignedUrl, SignError> {
            pending().await
        }

        async fn sign_put(
            &self,
            _: &MediaKey,
            _: u64,
            _: Timestamp,
            _: Duration,
        ) -> Result<SignedPut, SignError> {
            pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_long_for_whoever_does_not_sign() {
        let fault = signs_in_time(&Silent, &FixedClock::default()).await.unwrap_err();
        // The store itself works, and its URLs may come back: no reason not to start.
        assert!(fault.retryable, "{fault}");
        assert!(one_line(&fault).contains("nobody signed within 5s; let this machine reach"), "{fault}");
    }
}
