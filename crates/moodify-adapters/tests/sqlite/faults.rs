//! What does not work, and how that is told.

use moodify_core::conformance::samples;
use moodify_core::port::{Outbox, Unavailable, UserStore, UserStoreError};
use sqlx::Executor;

use crate::{LEASE, count, folder, open, raw, sign_up, try_open};

fn unavailable<T: std::fmt::Debug>(result: Result<T, UserStoreError>) -> Unavailable {
    match result {
        Err(UserStoreError::Unavailable(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lock_that_lasts_too_long_may_pass() {
    let (_folder, path) = folder();
    let store = try_open(&path).await.unwrap();
    let (new, _) = sign_up(&store).await;
    let mut other = raw(&path).await;
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let session = samples::session(&new.account);
    assert!(unavailable(store.create_session(&session, 0).await).retryable);
    assert!(store.session(session.id).await.unwrap().is_none());
    other.execute("ROLLBACK").await.unwrap();
    store.create_session(&session, 0).await.unwrap();
}

#[tokio::test]
async fn a_missing_table_stays_missing() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let (new, _) = sign_up(&store).await;
    raw(&path).await.execute("DROP TABLE sessions").await.unwrap();
    assert!(!unavailable(store.create_session(&samples::session(&new.account), 0).await).retryable);
}

#[tokio::test]
async fn a_value_that_was_never_stored_by_us_is_reported() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let (new, _) = sign_up(&store).await;
    raw(&path).await.execute("UPDATE accounts SET first_name = ''").await.unwrap();
    let fault = unavailable(store.account(new.account.id).await.map(drop));
    assert!(!fault.retryable && fault.to_string().contains("first_name"), "{fault}");
}

#[tokio::test]
async fn an_unreadable_event_does_not_block_the_others() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let mut events = samples::events();
    let (new, _) = sign_up(&store).await;
    let session = samples::session(&new.account);
    store.create_session(&session, 0).await.unwrap();
    store.end_session(session.id, &events).await.unwrap();
    let broken = events.remove(1);
    let unknown = sqlx::query("UPDATE outbox SET event = '{}' WHERE id = $1 OR seq = 1");
    let id = broken.id.as_uuid().as_bytes().to_vec();
    unknown.bind(id).execute(&mut raw(&path).await).await.unwrap();
    assert_eq!(store.lease(100, samples::moment(), LEASE).await.unwrap(), events);
    assert_eq!(usize::try_from(count(&path, "outbox").await).unwrap(), events.len() + 2);
}

#[tokio::test]
async fn after_closing_every_call_fails() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    store.ping().await.unwrap();
    store.round_trip().await.unwrap();
    store.round_trip().await.unwrap();
    store.close().await;
    assert!(store.ping().await.is_err());
    assert!(store.round_trip().await.is_err());
    // Whoever closes last leaves one file behind, which can be copied.
    assert!(!path.with_extension("db-wal").exists());
}
