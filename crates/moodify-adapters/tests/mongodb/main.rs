//! What is particular to the MongoDB adapters: the server, its faults, and many processes.
#![cfg(feature = "mongodb")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test reports by panicking")]

mod faults;
mod line;
mod lost_lines;
mod processes;
mod server;
mod slot;
mod start;
mod sync;

use moodify_adapters::mongodb::MongoStore;
use moodify_core::conformance::samples;
use moodify_core::model::{Event, EventKind, NewAccount};
use moodify_core::port::{Unavailable, UserStore, UserStoreError};

async fn sign_up(store: &MongoStore) -> (NewAccount, Event) {
    let (new, event) = (samples::account(), samples::event(EventKind::AccountCreated));
    let session = samples::session(&new.account);
    store.create_account(&new, &session, std::slice::from_ref(&event)).await.unwrap();
    (new, event)
}

fn unavailable<T: std::fmt::Debug>(result: Result<T, UserStoreError>) -> Unavailable {
    match result {
        Err(UserStoreError::Unavailable(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

/// A database of its own, or the end of a test that cannot be run here.
macro_rules! new_slot {
    () => {
        match $crate::slot::Slot::take().await {
            Some(slot) => slot,
            None => return,
        }
    };
}
use new_slot;

/// A server of its own, or the end of a test that cannot be run here.
macro_rules! new_server {
    ($start:ident) => {
        match $crate::server::Server::$start() {
            Some(server) => server,
            None => return,
        }
    };
}
use new_server;
