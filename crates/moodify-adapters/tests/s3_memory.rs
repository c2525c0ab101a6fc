//! Uploads to S3 take a bounded amount of memory, however many there are and however slow it is. Alone in
//! its program: the process is measured.
#![cfg(feature = "s3")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests report by panicking"
)]

#[path = "s3/proxy.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod proxy;
#[path = "../../../examples/server/tests/support/s3_server.rs"]
mod s3_server;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::Credentials;
use bytes::Bytes;
use futures::{StreamExt, future::join_all, stream};
use moodify_adapters::s3::{S3Config, S3MediaStore};
use moodify_core::memory::SystemClock;
use moodify_core::model::MediaKey;
use moodify_core::port::MediaStore;
use proxy::{Proxy, Way};
use s3_server::{KEY, S3Server, SECRET};
use uuid::Uuid;

/// What the process has in memory, in MB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1000
}

/// Far below what they would take: 32 of 20 MB are 640 MB.
const ROOM: u64 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_share_a_bounded_room() {
    let Some(server) = S3Server::start().await else { return };
    let proxy = Proxy::before(&server.url).await;
    let config = S3Config::from_url(&S3Server::media_at(&proxy.url)).unwrap();
    let config = S3Config { timeout: Duration::from_secs(20), ..config };
    let credentials = Credentials::new(KEY, SECRET, None, None, "test");
    let store = Arc::new(S3MediaStore::with_credentials(&config, credentials, Arc::new(SystemClock)));
    let put = async |len: u64, id: u128| {
        let key = MediaKey::audio(Uuid::from_u128(id).into());
        let pieces = (0..len / 100_000).map(|n| Ok(Bytes::from(vec![(n % 251) as u8; 100_000])));
        store.put(&key, len, stream::iter(pieces).boxed()).await
    };
    put(20_000_000, 0).await.unwrap();
    let (before, mut most) = (resident(), 0);
    proxy.set(Way::Slow);
    let uploads = join_all((1..=32).map(|id| put(20_000_000, id)));
    tokio::pin!(uploads);
    let done = loop {
        tokio::select! {
            done = &mut uploads => break done,
            () = pause() => most = most.max(resident()),
        }
    };
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    let grown = most.saturating_sub(before);
    println!("32 uploads of 20 MB: {grown} MB more than before");
    assert!(grown <= ROOM, "{grown} MB");
    assert_eq!(server.unfinished(), [""; 0]);
}

#[expect(clippy::disallowed_methods, reason = "another process does it, by its own clock")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}
