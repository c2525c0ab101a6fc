//! A network and a store that do not do their part.

use std::io;

use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use moodify_core::model::ByteStream;
use moodify_core::port::{MediaError, MediaStore};

use super::proxy::{Proxy, Way};
use super::{body, content, key, put, read, s3_server::S3Server, server, store, swept};

/// More than two parts.
const LARGE: usize = 12_000_000;

/// A body in whose middle, in the second part, this happens to the network.
fn body_with<'a>(content: &[u8], proxy: &'a Proxy, way: &Way) -> ByteStream<'a> {
    let way = way.clone();
    let mut sent = 0;
    let happening = body(content).map(move |piece: io::Result<Bytes>| {
        let before = sent;
        sent += piece.as_ref().map_or(0, Bytes::len);
        if before < 8_000_000 && sent >= 8_000_000 {
            proxy.set(way.clone());
        }
        piece
    });
    happening.boxed()
}

#[tokio::test]
async fn whatever_breaks_in_the_middle_of_a_part_leaves_nothing_behind() {
    for way in [Way::CutAfter(1_000_000), Way::Stalled, Way::Refusing, Way::Answer("503 Slow Down")] {
        let server = server!();
        let proxy = Proxy::before(&server.url).await;
        let store = store(&proxy.url);
        put(&store, b"whole").await;
        let content = content(LARGE);
        let broken = store.put(&key(), LARGE as u64, body_with(&content, &proxy, &way)).await;
        let Err(MediaError::Unavailable(fault)) = broken else { panic!("{way:?}: {broken:?}") };
        assert!(fault.retryable, "{way:?}: {fault}");
        assert!(!server.unfinished().is_empty() || way == Way::CutAfter(1_000_000), "{way:?}");
        // It is cleaned up as soon as that is possible, and the next one succeeds.
        proxy.set(Way::Open);
        swept(&server).await;
        assert_eq!(read(&store).await, b"whole");
        put(&store, &content).await;
        assert!(read(&store).await == content);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_once_is_survived() {
    let server = server!();
    let proxy = Proxy::before(&server.url).await;
    let store = store(&proxy.url);
    let content = content(LARGE);
    for after in [0, 1_000_000, 4_000_000] {
        proxy.set(Way::CutOnceAfter(after));
        put(&store, &content).await;
        assert!(read(&store).await == content);
        assert_eq!(server.unfinished(), [""; 0]);
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_given_up_in_time() {
    let server = server!();
    let proxy = Proxy::before(&server.url).await;
    let store = store(&proxy.url);
    put(&store, b"music").await;
    for way in [Way::Stalled, Way::Refusing, Way::Answer("500 Internal Server Error")] {
        proxy.set(way.clone());
        let connections = proxy.connections();
        let passing = |fault: &MediaError| matches!(fault, MediaError::Unavailable(fault) if fault.retryable);
        assert!(passing(&store.get(&key(), None).await.unwrap_err()), "{way:?}");
        assert!(passing(&store.head(&key()).await.unwrap_err()), "{way:?}");
        assert!(passing(&store.delete(&key()).await.unwrap_err()), "{way:?}");
        assert!(passing(&store.put(&key(), 5, body(b"other")).await.unwrap_err()), "{way:?}");
        assert!(passing(&store.list().try_collect::<Vec<_>>().await.unwrap_err()), "{way:?}");
        // Three tries of each.
        assert!(proxy.connections() - connections <= 15, "{}", proxy.connections() - connections);
    }
    proxy.set(Way::Open);
    assert_eq!(read(&store).await, b"music");
}

#[tokio::test]
async fn an_object_that_stops_on_its_way_ends_in_an_error() {
    let server = server!();
    let proxy = Proxy::before(&server.url).await;
    let store = store(&proxy.url);
    put(&store, &content(40_000_000)).await;
    for way in [Way::Stalled, Way::Refusing] {
        proxy.set(Way::Open);
        let mut object = store.get(&key(), None).await.unwrap();
        object.body.try_next().await.unwrap().unwrap();
        proxy.set(way.clone());
        let rest: io::Result<Vec<Bytes>> = object.body.try_collect().await;
        assert!(rest.is_err(), "{way:?}");
    }
}

#[tokio::test]
async fn bodies_that_stand_still_keep_none_that_flow_from_their_end() {
    let server = server!();
    let store = store(&server.url);
    let key = key();
    let stuck = |_| store.put(&key, LARGE as u64, stream::pending().boxed());
    let mut stuck: Vec<_> = (0..7).map(stuck).collect();
    for _ in 0..50 {
        for putting in &mut stuck {
            assert!(putting.now_or_never().is_none());
        }
        tokio::task::yield_now().await;
    }
    put(&store, &content(LARGE)).await;
    drop(stuck);
    swept(&server).await;
}
