//! The PostgreSQL adapters keep every promise of their ports.
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

#[path = "postgres/schema.rs"]
mod schema;

use std::sync::Arc;

use moodify_adapters::sql::SqlStore;
use moodify_core::conformance::{
    CatalogStoreFixture, KeyStoreFixture, OutboxFixture, QueueFixture, SendLogFixture, UserStoreFixture,
};
use schema::Schema;

async fn store() -> Option<(Arc<SqlStore>, Schema)> {
    let schema = Schema::create().await?;
    Some((Arc::new(schema.store().await), schema))
}

async fn users() -> Option<UserStoreFixture> {
    let (store, schema) = store().await?;
    Some(UserStoreFixture::new(store.clone(), store, schema))
}

async fn keys() -> Option<KeyStoreFixture> {
    let (store, schema) = store().await?;
    Some(KeyStoreFixture::new(store, schema))
}

async fn catalog() -> Option<CatalogStoreFixture> {
    let (store, schema) = store().await?;
    Some(CatalogStoreFixture::new(store.clone(), store, schema))
}

async fn outbox() -> Option<OutboxFixture> {
    let (store, schema) = store().await?;
    Some(OutboxFixture::new(store.clone(), store, schema))
}

async fn queue() -> Option<QueueFixture> {
    let (store, schema) = store().await?;
    Some(QueueFixture::new(Arc::new(store.queue()), schema))
}

async fn send_log() -> Option<SendLogFixture> {
    let (store, schema) = store().await?;
    Some(SendLogFixture::new(store, schema))
}

moodify_core::user_store_suite!(user_store, users);
moodify_core::key_store_suite!(key_store, keys);
moodify_core::catalog_store_suite!(catalog_store, catalog);
moodify_core::outbox_suite!(outbox_of_store, outbox);
moodify_core::queue_suite!(database_queue, queue);
moodify_core::send_log_suite!(send_log_of_store, send_log);
