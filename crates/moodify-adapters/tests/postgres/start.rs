use std::time::Duration;

use futures::future::join_all;
use moodify_adapters::sql::{PostgresConfig, SqlConnectError, SqlStore};
use moodify_core::port::UserStore;
use sqlx::{AssertSqlSafe, Executor, Row};

use crate::{new_schema, sign_up};

async fn refusal(url: &str) -> SqlConnectError {
    let mut config = PostgresConfig::new(url);
    config.connect_timeout = Duration::from_secs(2);
    match SqlStore::connect(&config.into()).await {
        Ok(_) => panic!("opened {url}"),
        Err(error) => {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2") && shown.contains("; "), "{shown}");
            error
        }
    }
}

/// This address with another part in place of one of its own.
fn with(url: &str, change: impl FnOnce(&mut url::Url)) -> String {
    let mut url: url::Url = url.parse().unwrap();
    url.set_password(Some("hunter2")).unwrap();
    change(&mut url);
    url.to_string()
}

#[test]
fn a_configuration_shows_no_secret() {
    let config = PostgresConfig::new("postgres://ada:hunter2@db.example/moodify?password=hunter2");
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[tokio::test]
async fn says_that_the_url_is_none() {
    for url in [
        "hunter2",
        "mysql://ada:hunter2@host/db",
        "postgres:hunter2",
        "postgres://ada:hunter2@host:port/db",
        "postgres://ada:hunter2#@host/db",
        "postgres://host/db?sslmode=hunter2",
        "postgres://host/db?pasword=hunter2",
        "postgres://host/db?hunter2",
        "postgres://host/db?port=hunter2",
    ] {
        let error = refusal(url).await;
        assert!(matches!(error, SqlConnectError::Url { .. }), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn says_that_nobody_listens() {
    let error = refusal("postgres://ada:hunter2@127.0.0.1:1/moodify").await;
    assert!(matches!(error, SqlConnectError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("postgres://127.0.0.1:1/moodify"), "{error}");
    let error = refusal("postgres://ada:hunter2@no-such-host.invalid/moodify").await;
    assert!(matches!(error, SqlConnectError::Unreachable { .. }), "{error:?}");
}

/// A listener that takes the connection and then says nothing.
#[tokio::test]
async fn says_that_the_server_is_silent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = refusal(&format!("postgres://ada:hunter2@{}/moodify", listener.local_addr().unwrap())).await;
    assert!(matches!(error, SqlConnectError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn says_that_there_is_no_such_database() {
    let schema = new_schema!();
    let error = refusal(&with(&schema.url(), |url| url.set_path("no_such_database"))).await;
    assert!(matches!(error, SqlConnectError::Missing { .. }), "{error:?}");
}

#[tokio::test]
async fn says_that_the_log_in_is_refused() {
    let schema = new_schema!();
    let error = refusal(&with(&schema.url(), |url| url.set_username("no_such_user").unwrap())).await;
    assert!(matches!(error, SqlConnectError::LogIn { .. }), "{error:?}");
}

#[tokio::test]
async fn says_that_the_server_cannot_encrypt() {
    let schema = new_schema!();
    if schema.encrypts().await {
        return;
    }
    let error = refusal(&with(&schema.url(), |url| {
        url.query_pairs_mut().append_pair("sslmode", "require");
    }))
    .await;
    assert!(matches!(error, SqlConnectError::Encryption { .. }), "{error:?}");
}

#[tokio::test]
async fn a_user_who_may_not_create_tables_is_told_so_and_may_use_them() {
    let schema = new_schema!();
    let role = schema.role("LOGIN PASSWORD 'hunter2'").await;
    let url = with(&schema.url(), |url| url.set_username(role.name()).unwrap());
    let error = refusal(&url).await;
    assert!(matches!(error, SqlConnectError::Forbidden { .. }), "{error:?}");

    schema.store().await.close().await;
    role.may("USAGE ON SCHEMA").await;
    role.may("SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA").await;
    let store = SqlStore::connect(&PostgresConfig::new(url).into()).await.unwrap();
    let (new, _) = sign_up(&store).await;
    assert_eq!(store.account(new.account.id).await.unwrap(), Some(new.account));
    store.close().await;
}

#[tokio::test]
async fn says_that_a_newer_version_was_here() {
    let schema = new_schema!();
    schema.store().await.close().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'from the future', TRUE, '\\x00', 0)";
    schema.raw().await.execute(newer).await.unwrap();
    let error = refusal(&schema.url()).await;
    assert!(matches!(error, SqlConnectError::TooNew { found: 9999, .. }), "{error:?}");
}

#[tokio::test]
async fn says_that_another_build_was_here() {
    let schema = new_schema!();
    schema.store().await.close().await;
    let differs = "UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 2";
    schema.raw().await.execute(differs).await.unwrap();
    let error = refusal(&schema.url()).await;
    assert!(matches!(error, SqlConnectError::OtherBuild { version: 2, .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_on_an_empty_database_all_succeed() {
    let schema = new_schema!();
    let opened = (0..6).map(|_| {
        let url = schema.url();
        tokio::spawn(async move { SqlStore::connect(&PostgresConfig::new(url).into()).await.unwrap() })
    });
    for store in join_all(opened.collect::<Vec<_>>()).await {
        sign_up(&store.unwrap()).await;
    }
    let accounts = schema.raw().await.fetch_one("SELECT COUNT(*) FROM accounts").await.unwrap();
    assert_eq!(accounts.get::<i64, _>(0), 6);
}

#[tokio::test]
async fn texts_sort_as_in_sqlite_whatever_the_database_was_made_for() {
    let schema = new_schema!();
    schema.store().await.close().await;
    let texts = "SELECT table_name || '.' || column_name FROM information_schema.columns
                 WHERE table_schema = current_schema() AND data_type = 'text'
                   AND table_name <> '_sqlx_migrations' AND collation_name IS DISTINCT FROM 'C'";
    let elsewhere = schema.raw().await.fetch_all(AssertSqlSafe(texts)).await.unwrap();
    let elsewhere: Vec<String> = elsewhere.iter().map(|row| row.get(0)).collect();
    assert_eq!(elsewhere, [""; 0], "TEXT needs COLLATE \"C\"");
    let others = "SELECT table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns
                  WHERE table_schema = current_schema() AND data_type NOT IN ('text', 'bytea', 'bigint')
                    AND table_name <> '_sqlx_migrations'";
    let others = schema.raw().await.fetch_all(AssertSqlSafe(others)).await.unwrap();
    let others: Vec<String> = others.iter().map(|row| row.get(0)).collect();
    assert_eq!(others, [""; 0], "columns are BYTEA, BIGINT or TEXT");
}
