//! Databases that older versions left.

use std::path::Path;

use moodify_adapters::sql::SqlStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::old_database::{VERSION, assert_kept, assert_sessions_without_a_key_ended, rows};
use crate::{folder, open};

async fn upgraded(path: &Path, with_key: bool) -> SqlStore {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::migrate!("migrations/sqlite").run_to(VERSION, &mut connection).await.unwrap();
    let rows = rows(|hex| format!("x'{hex}'"), with_key);
    connection.execute(AssertSqlSafe(rows)).await.unwrap();
    connection.close().await.unwrap();
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
