//! How bodies go in, and what is left of those that do not get to their end.

use std::io;

use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};
use moodify_adapters::s3::{Encryption, S3Config};
use moodify_core::port::{MediaError, MediaStore};

use super::proxy::Proxy;
use super::{body, config, content, key, put, read, s3_server::S3Server, server, store, store_with, swept};

/// More than two parts.
const LARGE: usize = 12_000_000;

#[tokio::test]
async fn a_large_body_goes_in_parts_and_comes_back_whole() {
    let server = server!();
    let store = store(&server.url);
    let content = content(LARGE);
    put(&store, &content).await;
    assert!(read(&store).await == content);
    // The third of three parts: 12 MB are more than two of 5 MiB.
    assert!(store.head(&key()).await.unwrap().unwrap().etag.ends_with("-3"));
    assert_eq!(server.unfinished(), [""; 0]);
    assert_eq!(server.objects(), [key().as_str()]);
}

#[tokio::test]
async fn a_body_of_just_one_part_goes_in_one_request() {
    let server = server!();
    let store = store(&server.url);
    let content = content(5 << 20);
    put(&store, &content).await;
    assert!(!store.head(&key()).await.unwrap().unwrap().etag.contains('-'));
    assert!(read(&store).await == content);
}

#[tokio::test]
async fn bodies_that_fail_between_parts_leave_neither_trace_nor_damage() {
    let server = server!();
    let store = store(&server.url);
    put(&store, b"whole").await;
    let all = content(LARGE);
    let torn = body(&all[..11_000_000]).chain(stream::iter([Err(io::Error::other("the sender is lost"))]));
    let late = body(&all).chain(stream::iter([Err(io::Error::other("the sender is lost"))]));
    for (len, failing) in
        [(LARGE, torn.boxed()), (LARGE, late.boxed()), (LARGE - 1, body(&all)), (LARGE + 1, body(&all))]
    {
        let refused = store.put(&key(), len as u64, failing).await;
        assert!(matches!(refused, Err(MediaError::Body(_))), "{refused:?}");
    }
    swept(&server).await;
    assert_eq!(read(&store).await, b"whole");
}

#[tokio::test]
async fn an_upload_that_nobody_waits_for_is_aborted() {
    let server = server!();
    let store = store(&server.url);
    let stuck = body(&content(11_000_000)).chain(stream::pending::<io::Result<Bytes>>()).boxed();
    let key = key();
    {
        let mut putting = store.put(&key, LARGE as u64, stuck);
        // Until two parts are there.
        let stored = || server.unfinished().iter().filter(|name| name.contains(".part-")).count() == 2;
        while !stored() {
            assert!((&mut putting).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
    }
    swept(&server).await;
    assert_eq!(server.objects(), [""; 0]);

    // Nor does one stay that was given up before its id was known.
    for _ in 0..20 {
        let _ = store.put(&key, LARGE as u64, stream::pending().boxed()).now_or_never();
    }
    tokio::task::yield_now().await;
    put(&store, &content(LARGE)).await;
    swept(&server).await;
}

#[tokio::test]
async fn each_object_is_encrypted_as_the_configuration_says() {
    let server = server!();
    for len in [5, LARGE] {
        let proxy = Proxy::before(&server.url).await;
        let key = Some("key-1".to_owned());
        let store = store_with(&S3Config { encryption: Some(Encryption::Kms { key }), ..config(&proxy.url) });
        put(&store, &content(len)).await;
        let asked = proxy.asked();
        for header in [
            "x-amz-server-side-encryption: aws:kms\r",
            "x-amz-server-side-encryption-aws-kms-key-id: key-1\r",
        ] {
            assert_eq!(asked.matches(header).count(), 1, "{header} of {len} bytes in {asked}");
        }
    }
}
