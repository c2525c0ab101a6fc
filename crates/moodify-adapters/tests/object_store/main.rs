//! Media in Google Cloud Storage and Azure, against what stands for them and verifies signatures.
#![cfg(all(feature = "azure", feature = "gcs"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests report by panicking"
)]

#[path = "../../../../examples/server/tests/js/cloud_store.rs"]
mod cloud_store;
mod faults;
#[path = "../shared/plain_client.rs"]
mod plain_client;

use std::sync::Arc;
use std::time::Duration;

use cloud_store::CloudStore;
use moodify_adapters::object_store::{ObjectMediaStore, ObjectStoreConfig};
use moodify_core::conformance::{MediaSignerFixture, MediaStoreFixture, SignerWays};
use moodify_core::memory::SystemClock;
use plain_client::Plain;

/// With little patience: what is slow here is broken.
fn store(media: &str, key: &str) -> ObjectMediaStore {
    let config = ObjectStoreConfig::from_url(media).unwrap();
    let config = ObjectStoreConfig { timeout: Duration::from_secs(10), ..config };
    ObjectMediaStore::with_key(&config, key, Arc::new(SystemClock)).unwrap()
}

/// At the root, and below a prefix: Azurite takes a while to start, so each store has one of the two.
macro_rules! contracts {
    ($($name:ident: $server:ident, $media:ident, $key:literal, $more:literal;)*) => {$(
        mod $name {
            use super::*;

            async fn fixture() -> Option<MediaStoreFixture> {
                let server = CloudStore::$server().await?;
                let store = store(&(server.$media() + $more), &server.told($key));
                Some(MediaStoreFixture::new(Arc::new(store), server))
            }

            moodify_core::media_store_suite!(contract, fixture);
        }
    )*};
}

contracts! {
    google: google, google_media, "account", "";
    azure: azure, azure_media, "key", "&prefix=live/media";
}

fn signer(server: CloudStore, media: &str, key: &str, ways: SignerWays) -> MediaSignerFixture {
    let signer = Arc::new(store(media, &server.told(key)));
    let stranger = store(media, &server.told("stranger"));
    MediaSignerFixture {
        store: signer.clone(),
        signer,
        stranger: Arc::new(stranger),
        client: Arc::new(Plain::new()),
        clock: Arc::new(SystemClock),
        ways,
        keep: Box::new(server),
    }
}

/// object_store signs by the system's clock.
const WAYS: SignerWays =
    SignerWays { takes_the_moment: false, repeats_itself: false, ..SignerWays::CONTRACT };

async fn google_signer() -> Option<MediaSignerFixture> {
    let server = CloudStore::google().await?;
    let media = server.google_media() + "&prefix=live";
    Some(signer(server, &media, "account", SignerWays { refuses_with: &[400, 403], ..WAYS }))
}

async fn azure_signer() -> Option<MediaSignerFixture> {
    let server = CloudStore::azure().await?;
    let media = server.azure_media();
    Some(signer(server, &media, "key", SignerWays { binds_type: false, binds_length: false, ..WAYS }))
}

moodify_core::media_signer_suite!(google_signer_contract, google_signer);
moodify_core::media_signer_suite!(azure_signer_contract, azure_signer);
