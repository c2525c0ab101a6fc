//! The contract of those who sign URLs.

use std::sync::Arc;

use moodify_adapters::s3::S3MediaStore;
use moodify_core::conformance::{MediaSignerFixture, SignerWays};
use moodify_core::memory::SystemClock;

use super::plain_client::Plain;
use super::s3_server::S3Server;
use super::{config, credentials, store};

async fn fixture() -> Option<MediaSignerFixture> {
    let server = S3Server::start().await?;
    let signer = Arc::new(store(&server.url));
    let stranger = S3MediaStore::with_credentials(
        &config(&server.url),
        credentials("another secret"),
        Arc::new(SystemClock),
    );
    Some(MediaSignerFixture {
        store: signer.clone(),
        signer,
        stranger: Arc::new(stranger),
        client: Arc::new(Plain::new()),
        clock: Arc::new(SystemClock),
        ways: SignerWays::CONTRACT,
        keep: Box::new(server),
    })
}

moodify_core::media_signer_suite!(contract, fixture);
