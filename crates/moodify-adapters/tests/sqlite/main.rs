//! What is particular to the SQLite adapters: the file, its faults, and what survives.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

mod faults;
#[path = "../shared/old_database.rs"]
mod old_database;
mod queue;
mod start;
mod survival;
mod upgrade;

use std::path::{Path, PathBuf};
use std::time::Duration;

use moodify_adapters::sql::{SqlConnectError, SqlStore, SqliteConfig};
use moodify_core::conformance::samples;
use moodify_core::model::{Event, EventKind, NewAccount};
use moodify_core::port::UserStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};
use tempfile::TempDir;

const LEASE: Duration = Duration::from_secs(30);

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("moodify.db");
    (folder, path)
}

async fn try_open(path: &Path) -> Result<SqlStore, SqlConnectError> {
    let mut config = SqliteConfig::new(path);
    config.busy_timeout = Duration::from_millis(200);
    SqlStore::connect(&config.into()).await
}

async fn open(path: &Path) -> SqlStore {
    SqlStore::connect(&SqliteConfig::new(path).into()).await.unwrap()
}

/// A connection of somebody else's.
async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap()
}

async fn count(path: &Path, table: &'static str) -> i64 {
    let query = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    sqlx::query(query).fetch_one(&mut raw(path).await).await.unwrap().get(0)
}

async fn sign_up(store: &SqlStore) -> (NewAccount, Event) {
    let (new, event) = (samples::account(), samples::event(EventKind::AccountCreated));
    let session = samples::session(&new.account);
    store.create_account(&new, &session, std::slice::from_ref(&event)).await.unwrap();
    (new, event)
}
