//! What is particular to the PostgreSQL adapters: the server, its faults, and many processes.
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test reports by panicking")]

mod faults;
mod hints;
mod kills;
#[path = "../shared/old_database.rs"]
mod old_database;
mod roles;
mod schema;
mod start;
mod upgrade;

use moodify_adapters::sql::SqlStore;
use moodify_core::conformance::samples;
use moodify_core::model::{Event, EventKind, NewAccount};
use moodify_core::port::UserStore;

async fn sign_up(store: &SqlStore) -> (NewAccount, Event) {
    let (new, event) = (samples::account(), samples::event(EventKind::AccountCreated));
    let session = samples::session(&new.account);
    store.create_account(&new, &session, std::slice::from_ref(&event)).await.unwrap();
    (new, event)
}

/// A schema of its own, or the end of a test that cannot be run here.
macro_rules! new_schema {
    () => {
        match $crate::schema::Schema::create().await {
            Some(schema) => schema,
            None => return,
        }
    };
}
use new_schema;
