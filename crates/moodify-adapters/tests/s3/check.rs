//! What an operator is told.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::provider::{error::CredentialsError, future};
use aws_sdk_s3::config::{Credentials, ProvideCredentials};
use moodify_adapters::s3::{S3Config, S3MediaStore};
use moodify_core::memory::{FixedClock, SystemClock};
use moodify_core::port::{Clock, Unavailable};

use super::proxy::{Proxy, Way};
use super::s3_server::{S3Server, SECRET};
use super::{config, credentials, put, server, store, store_with};

/// What a check says, and that it says what to do.
async fn told(store: &S3MediaStore) -> (bool, String, String) {
    let Unavailable { retryable, source } = store.check().await.unwrap_err();
    let text = source.to_string();
    assert!(!text.contains(SECRET) && !text.contains("another secret"), "{text}");
    let (what, fix) = text.rsplit_once("; ").unwrap();
    (retryable, what.to_owned(), fix.to_owned())
}

#[tokio::test]
async fn a_bucket_that_works_is_fine_and_one_that_is_gone_is_named() {
    let server = server!();
    let store = store(&server.url);
    store.check().await.unwrap();
    put(&store, b"music").await;
    server.remove_bucket();
    let (retryable, what, fix) = told(&store).await;
    assert!(!retryable && what.contains("NoSuchBucket") && fix.contains("create it"), "{what}; {fix}");
}

#[tokio::test]
async fn credentials_that_are_wrong_or_missing_are_told() {
    let server = server!();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let with = |credentials: Credentials| {
        S3MediaStore::with_credentials(&config(&server.url), credentials, clock.clone())
    };
    let stranger = Credentials::new("AKIANOBODY", SECRET, None, None, "test");
    for (wrong, code) in [(credentials("another secret"), "SignatureDoesNotMatch"), (stranger, "")] {
        let (retryable, what, _) = told(&with(wrong)).await;
        assert!(!retryable && what.contains(code), "{what}");
    }
    let nobody = S3MediaStore::with_credentials(&config(&server.url), Nobody, clock.clone());
    let (retryable, what, fix) = told(&nobody).await;
    assert!(!retryable && what == "there are no credentials for S3", "{what}");
    assert!(fix.contains("AWS_ACCESS_KEY_ID"), "{fix}");
}

/// Has no credentials.
#[derive(Debug)]
struct Nobody;

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("nothing is set")))
    }
}

#[tokio::test]
async fn a_wrong_clock_is_told_with_the_time_that_it_is() {
    let server = server!();
    for ahead in [true, false] {
        let hour = Duration::from_secs(3600);
        let now = SystemClock.now();
        let wrong = if ahead { now.checked_add(hour) } else { now.checked_sub(hour) };
        let clock = Arc::new(FixedClock::new(wrong.unwrap()));
        let store = S3MediaStore::with_credentials(&config(&server.url), credentials(SECRET), clock);
        let (retryable, what, fix) = told(&store).await;
        assert!(!retryable && what.contains("RequestTimeTooSkewed") && what.contains("GMT"), "{what}");
        assert_eq!(fix, "set the clock");
    }
}

#[tokio::test]
async fn a_store_elsewhere_slow_or_gone_is_told() {
    let server = server!();
    let proxy = Proxy::before(&server.url).await;
    let store = store(&proxy.url);
    for (way, retryable, words) in [
        (Way::Answer("301 Moved Permanently\r\nx-amz-bucket-region: eu-central-1"), false, "eu-central-1"),
        (Way::Answer("403 Forbidden"), false, "status 403"),
        (Way::Answer("503 Slow Down"), true, "status 503"),
        (Way::Refusing, true, "cannot be reached"),
        (Way::Stalled, true, "cannot be reached"),
    ] {
        proxy.set(way);
        let (passes, what, _) = told(&store).await;
        assert!(passes == retryable && what.contains(words), "{what}");
    }
    let nowhere = store_with(&S3Config { attempts: 1, ..config("http://127.0.0.1:1") });
    let (retryable, what, fix) = told(&nowhere).await;
    assert!(retryable && what.contains("cannot be reached"), "{what}");
    assert!(fix.contains("endpoint"), "{fix}");
}
