use std::time::Duration;

use moodify_adapters::sql::{PostgresConfig, SqlStore};
use moodify_core::conformance::samples;
use moodify_core::port::{Outbox, Unavailable, UserStore, UserStoreError};
use sqlx::{Connection, Executor, Row};

use crate::schema::Schema;
use crate::{new_schema, sign_up};

const LEASE: Duration = Duration::from_secs(30);

fn unavailable<T: std::fmt::Debug>(result: Result<T, UserStoreError>) -> Unavailable {
    match result {
        Err(UserStoreError::Unavailable(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

/// Ends all connections of this schema's stores, as a restart of the server does.
async fn cut(schema: &Schema) {
    let end =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = current_schema()";
    schema.raw().await.execute(end).await.unwrap();
}

#[tokio::test]
async fn a_lost_connection_is_replaced() {
    let schema = new_schema!();
    let url = schema.url() + "&application_name=" + schema.name();
    let store = SqlStore::connect(&PostgresConfig::new(url).into()).await.unwrap();
    for _ in 0..5 {
        let (new, _) = sign_up(&store).await;
        cut(&schema).await;
        // Each connection that was used a moment ago may cost one call that finds it out.
        let mut lost = 0;
        let found = loop {
            match store.account(new.account.id).await {
                Ok(found) => break found,
                Err(error) => assert!(unavailable::<()>(Err(error)).retryable),
            }
            lost += 1;
            assert!(lost <= 10, "the pool has no more");
        };
        assert_eq!(found, Some(new.account));
    }
}

#[tokio::test]
async fn a_lock_that_lasts_too_long_may_pass() {
    let schema = new_schema!();
    let mut config = PostgresConfig::new(schema.url());
    config.statement_timeout = Duration::from_millis(200);
    let store = SqlStore::connect(&config.into()).await.unwrap();
    let (new, _) = sign_up(&store).await;
    let mut other = schema.raw().await;
    let mut lock = other.begin().await.unwrap();
    lock.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let session = samples::session(&new.account);
    assert!(unavailable(store.create_session(&session, 0).await).retryable);
    lock.rollback().await.unwrap();
    store.create_session(&session, 0).await.unwrap();
}

#[tokio::test]
async fn a_missing_table_stays_missing() {
    let schema = new_schema!();
    let store = schema.store().await;
    let (new, _) = sign_up(&store).await;
    schema.raw().await.execute("DROP TABLE sessions").await.unwrap();
    assert!(!unavailable(store.create_session(&samples::session(&new.account), 0).await).retryable);
}

#[tokio::test]
async fn a_value_that_was_never_stored_by_us_is_reported() {
    let schema = new_schema!();
    let store = schema.store().await;
    let (new, _) = sign_up(&store).await;
    schema.raw().await.execute("UPDATE accounts SET first_name = ''").await.unwrap();
    let fault = unavailable(store.account(new.account.id).await);
    assert!(!fault.retryable && fault.to_string().contains("first_name"), "{fault}");
}

#[tokio::test]
async fn an_unreadable_event_does_not_block_the_others() {
    let schema = new_schema!();
    let store = schema.store().await;
    sign_up(&store).await;
    let (_, event) = sign_up(&store).await;
    schema.raw().await.execute("UPDATE outbox SET event = '{}' WHERE seq = 1").await.unwrap();
    assert_eq!(store.lease(10, samples::moment(), LEASE).await.unwrap(), [event]);
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_behind() {
    let schema = new_schema!();
    let store = schema.store().await;
    let (new, event) = sign_up(&store).await;
    let mut again = samples::account();
    // The same event twice: the step fails at its very end.
    again.account.email = samples::email();
    let session = samples::session(&again.account);
    unavailable(store.create_account(&again, &session, &[event]).await);
    assert_eq!(store.account(again.account.id).await.unwrap(), None);
    assert!(store.account(new.account.id).await.unwrap().is_some());
}

#[tokio::test]
async fn after_closing_every_call_fails() {
    let schema = new_schema!();
    let store = schema.store().await;
    store.ping().await.unwrap();
    store.round_trip().await.unwrap();
    store.round_trip().await.unwrap();
    store.close().await;
    assert!(store.ping().await.is_err());
    assert!(store.round_trip().await.is_err());
    let counted = schema.raw().await.fetch_one("SELECT count FROM round_trips").await.unwrap();
    assert_eq!(counted.get::<i64, _>(0), 2);
}
