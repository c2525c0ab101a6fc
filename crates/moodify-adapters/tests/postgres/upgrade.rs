//! Databases that older versions left.

use moodify_adapters::sql::{PostgresConfig, SqlConnectError, SqlStore};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::new_schema;
use crate::old_database::{VERSION, assert_kept, assert_sessions_without_a_key_ended, rows};
use crate::schema::Schema;

async fn leave_old(schema: &Schema, with_key: bool) {
    let mut connection = schema.raw().await;
    sqlx::migrate!("migrations/postgres").run_to(VERSION, &mut connection).await.unwrap();
    let rows = rows(|hex| format!("'\\x{hex}'"), with_key);
    connection.execute(AssertSqlSafe(rows)).await.unwrap();
    connection.close().await.unwrap();
}

async fn upgraded(schema: &Schema, with_key: bool) -> SqlStore {
    leave_old(schema, with_key).await;
    schema.store().await
}

#[tokio::test]
async fn nothing_is_lost_on_the_way_from_the_first_version() {
    let schema = new_schema!();
    assert_kept(&upgraded(&schema, true).await).await;
}

#[tokio::test]
async fn sessions_that_nobody_ever_refreshed_end() {
    let schema = new_schema!();
    assert_sessions_without_a_key_ended(&upgraded(&schema, false).await).await;
}

#[tokio::test]
async fn who_comes_beside_others_changes_no_older_schema() {
    let schema = new_schema!();
    let beside = async || SqlStore::connect_beside(&PostgresConfig::new(schema.url()).into()).await;
    leave_old(&schema, true).await;
    for _ in 0..2 {
        let error = beside().await.err().unwrap();
        assert!(matches!(error, SqlConnectError::TooOld { found: VERSION, .. }), "{error:?}");
    }
    schema.store().await.close().await;
    beside().await.unwrap().close().await;
}
