//! Stores that are away, that refuse, and uploads that do not get to their end.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use moodify_core::memory::SystemClock;
use moodify_core::model::{ByteStream, MediaKey, Timestamp};
use moodify_core::port::{Clock, MediaError, MediaSigner, MediaStore};

use super::cloud_store::CloudStore;
use super::store;

const MIB: usize = 1 << 20;

fn key() -> MediaKey {
    MediaKey::parse("audio/01890a5d-ac96-774b-bcce-b302099a8057.mp3").unwrap()
}

fn body(len: usize) -> ByteStream<'static> {
    stream::iter((0..len / 1024).map(|n| Ok(Bytes::from(vec![(n % 251) as u8; 1024])))).boxed()
}

#[tokio::test]
async fn a_store_that_is_away_for_a_moment_is_asked_again() {
    let Some(server) = CloudStore::google().await else { return };
    let store = store(&server.google_media(), &server.told("account"));
    store.put(&key(), 1024, body(1024)).await.unwrap();
    server.is_unavailable(2).await;
    assert_eq!(store.head(&key()).await.unwrap().unwrap().len, 1024);
    server.is_unavailable(2).await;
    store.put(&key(), 2048, body(2048)).await.unwrap();
    server.is_unavailable(2).await;
    store.put(&key(), 7 * MIB as u64, body(7 * MIB)).await.unwrap();
    server.is_unavailable(2).await;
    store.delete(&key()).await.unwrap();
    // Three tries are all there are.
    server.is_unavailable(3).await;
    match store.check().await {
        Err(fault) => assert!(fault.retryable && fault.to_string().contains("does not do it now"), "{fault}"),
        Ok(()) => panic!("it answered"),
    }
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_store_that_is_away_is_no_missing_object() {
    let (google, azure) = (CloudStore::google().await, CloudStore::azure().await);
    let (Some(mut google), Some(mut azure)) = (google, azure) else { return };
    let stores = [
        store(&google.google_media(), &google.told("account")),
        store(&azure.azure_media(), &azure.told("key")),
    ];
    google.kill().await;
    azure.kill().await;
    for store in stores {
        let faults = [
            store.head(&key()).await.map(drop).unwrap_err(),
            store.get(&key(), Some(0..1)).await.map(drop).unwrap_err(),
            store.put(&key(), 1024, body(1024)).await.unwrap_err(),
            store.delete(&key()).await.unwrap_err(),
        ];
        for fault in faults {
            let MediaError::Unavailable(fault) = &fault else { panic!("{fault}") };
            assert!(fault.retryable && fault.to_string().contains("cannot be reached"), "{fault}");
        }
        // Whoever has the key needs nobody to sign.
        store.sign_get(&key(), SystemClock.now(), Duration::from_secs(60)).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_refused_says_why_and_what_to_do() {
    let (google, azure) = (CloudStore::google().await, CloudStore::azure().await);
    let (Some(google), Some(azure)) = (google, azure) else { return };
    for (media, key, what, fix) in [
        (
            google.google_media().replace("music", "another"),
            google.told("account"),
            "NoSuchBucket",
            "create it",
        ),
        (google.google_media(), google.told("stranger"), "AuthenticationRequired", "GOOGLE_APPLICATION"),
        (
            azure.azure_media().replace("az://music", "az://another"),
            azure.told("key"),
            "ContainerNotFound",
            "create",
        ),
        (azure.azure_media(), azure.told("stranger"), "Auth", "; "),
    ] {
        let fault = store(&media, &key).check().await.unwrap_err();
        let told = fault.to_string();
        assert!(!fault.retryable && told.contains(what) && told.contains(fix), "{told}");
        assert!(!told.contains(&key) && !told.contains('\n'), "{told}");
    }
}

/// Waits until nothing is left of uploads that did not get to their end.
#[expect(clippy::disallowed_methods, reason = "another process does it, by its own clock")]
async fn swept(server: &CloudStore) {
    for _ in 0..600 {
        if server.contents().await.1 == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("after 30 s there is still an upload");
}

#[tokio::test]
async fn an_upload_that_does_not_get_to_its_end_is_aborted() {
    let Some(server) = CloudStore::google().await else { return };
    let store = store(&server.google_media(), &server.told("account"));
    let lost = || stream::once(async { Err(io::Error::from(io::ErrorKind::ConnectionReset)) });
    let broken = body(12 * MIB).chain(lost()).boxed();
    let refused = store.put(&key(), 20 * MIB as u64, broken).await;
    assert!(matches!(refused, Err(MediaError::Body(_))), "{refused:?}");
    swept(&server).await;

    // Nobody waits for it any more, and parts of it are there.
    let (told, hears) = tokio::sync::oneshot::channel();
    let stuck = stream::once(async move {
        let _ = told.send(());
        std::future::pending().await
    });
    let endless = body(12 * MIB).chain(stuck).boxed();
    let key = key();
    tokio::select! {
        answer = store.put(&key, 20 * MIB as u64, endless) => panic!("the body has no end: {answer:?}"),
        heard = hears => heard.unwrap(),
    }
    swept(&server).await;
    assert_eq!(server.contents().await, (Vec::new(), 0));
}

#[tokio::test]
async fn a_url_ends_when_it_says_and_none_lives_longer_than_a_week() {
    let (google, azure) = (CloudStore::google().await, CloudStore::azure().await);
    let (Some(google), Some(azure)) = (google, azure) else { return };
    for store in [
        store(&google.google_media(), &google.told("account")),
        store(&azure.azure_media(), &azure.told("key")),
    ] {
        let now = SystemClock.now();
        let url = store.sign_get(&key(), now, Duration::from_secs(600)).await.unwrap();
        assert!((598..=602).contains(&url.expires_at.duration_since(now).as_secs()), "{url:?}");
        let week = Duration::from_secs(7 * 24 * 3600);
        store.sign_get(&key(), now, week).await.unwrap();
        store.sign_get(&key(), now, week + Duration::from_secs(1)).await.unwrap_err();
        // A clock that is wrong is told, not signed for.
        let far: Timestamp = now.checked_add(week).unwrap();
        store.sign_get(&key(), far, Duration::from_secs(600)).await.unwrap_err();
    }
}
