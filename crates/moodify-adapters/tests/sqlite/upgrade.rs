//! Databases that older versions left.

use std::path::Path;

use moodify_adapters::sql::{SqlConnectError, SqlStore, SqliteConfig};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::old_database::{VERSION, assert_kept, assert_sessions_without_a_key_ended, rows};
use crate::{folder, open};

async fn leave_old(path: &Path, with_key: bool) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::migrate!("migrations/sqlite").run_to(VERSION, &mut connection).await.unwrap();
    let rows = rows(|hex| format!("x'{hex}'"), with_key);
    connection.execute(AssertSqlSafe(rows)).await.unwrap();
    connection.close().await.unwrap();
}

async fn upgraded(path: &Path, with_key: bool) -> SqlStore {
    leave_old(path, with_key).await;
    open(path).await
}

#[tokio::test]
async fn nothing_is_lost_on_the_way_from_the_first_version() {
    let (_folder, path) = folder();
    assert_kept(&upgraded(&path, true).await).await;
}

#[tokio::test]
async fn sessions_that_nobody_ever_refreshed_end() {
    let (_folder, path) = folder();
    assert_sessions_without_a_key_ended(&upgraded(&path, false).await).await;
}

#[tokio::test]
async fn who_comes_beside_others_makes_a_new_file_and_changes_no_older_one() {
    let beside = async |path: &Path| SqlStore::connect_beside(&SqliteConfig::new(path).into()).await;
    let (_folder, new) = folder();
    beside(&new).await.unwrap().close().await;

    let (_folder, path) = folder();
    leave_old(&path, true).await;
    for _ in 0..2 {
        let error = beside(&path).await.err().unwrap();
        assert!(matches!(error, SqlConnectError::TooOld { found: VERSION, .. }), "{error:?}");
    }
    open(&path).await.close().await;
    beside(&path).await.unwrap().close().await;
}
