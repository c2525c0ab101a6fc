//! Media in S3, against a server that verifies signatures.
#![cfg(feature = "s3")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests report by panicking"
)]

mod check;
mod faults;
#[path = "../shared/plain_client.rs"]
mod plain_client;
mod proxy;
#[path = "../../../../examples/server/tests/support/s3_server.rs"]
mod s3_server;
mod sent;
mod signed;
mod signer;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::Credentials;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use moodify_adapters::s3::{S3Config, S3MediaStore};
use moodify_core::conformance::MediaStoreFixture;
use moodify_core::memory::SystemClock;
use moodify_core::model::{ByteStream, MediaKey};
use moodify_core::port::MediaStore;
use s3_server::{KEY, S3Server, SECRET};

/// At the root of the bucket, and below a prefix with encryption asked for.
macro_rules! contracts {
    ($($name:ident: $more:expr;)*) => {$(
        mod $name {
            use super::*;

            async fn fixture() -> Option<MediaStoreFixture> {
                let server = S3Server::start().await?;
                let config = S3Config::from_url(&(S3Server::media_at(&server.url) + $more)).unwrap();
                Some(MediaStoreFixture::new(Arc::new(store_with(&config)), server))
            }

            moodify_core::media_store_suite!(contract, fixture);
        }
    )*};
}

contracts! {
    root: "";
    prefix: "&prefix=live/media&sse=AES256";
}

/// Starts a server, or ends the test, aloud.
macro_rules! server {
    () => {
        match S3Server::start().await {
            Some(server) => server,
            None => return,
        }
    };
}
pub(crate) use server;

/// With little patience: what is slow here is broken.
fn config(url: &str) -> S3Config {
    let config = S3Config::from_url(&S3Server::media_at(url)).unwrap();
    S3Config { timeout: Duration::from_secs(3), ..config }
}

fn credentials(secret: &str) -> Credentials {
    Credentials::new(KEY, secret, None, None, "test")
}

fn store_with(config: &S3Config) -> S3MediaStore {
    S3MediaStore::with_credentials(config, credentials(SECRET), Arc::new(SystemClock))
}

fn store(url: &str) -> S3MediaStore {
    store_with(&config(url))
}

fn key() -> MediaKey {
    MediaKey::parse("audio/01890a5d-ac96-774b-bcce-b302099a8057.mp3").unwrap()
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 31 + n / 251) as u8).collect()
}

fn body(content: &[u8]) -> ByteStream<'static> {
    let pieces: Vec<_> = content.chunks(70_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

async fn put(store: &S3MediaStore, content: &[u8]) {
    store.put(&key(), content.len() as u64, body(content)).await.unwrap();
}

async fn read(store: &S3MediaStore) -> Vec<u8> {
    let object = store.get(&key(), None).await.unwrap();
    let pieces: Vec<Bytes> = object.body.try_collect().await.unwrap();
    pieces.concat()
}

/// Waits until nothing is left of uploads that did not get to their end.
#[expect(clippy::disallowed_methods, reason = "another process does it, by its own clock")]
async fn swept(server: &S3Server) {
    for _ in 0..600 {
        if server.unfinished().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("after 30 s there is still {:?}", server.unfinished());
}
