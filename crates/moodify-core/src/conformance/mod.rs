//! Public test suites: one list of cases per port, run by every adapter.
//!
//! A case is a plain function that holds an adapter to sentences of its port's contract; the
//! suite's macro turns each into a test with its own name:
//!
//! ```ignore
//! async fn fixture() -> UserStoreFixture {
//!     let store = Arc::new(MyStore::connect(/* an empty database */).await.unwrap());
//!     UserStoreFixture::new(store.clone(), store, ())
//! }
//!
//! moodify_core::user_store_suite!(my_store, fixture);
//! ```
//!
//! The fixture function is called once per case and gives each a fresh, empty store: its own file,
//! database, schema, virtual host or prefix. All samples are unique even so: only cases about a
//! whole store (order of an outbox, stale uploads, "no key yet") depend on the emptiness.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a case reports by panicking")]

pub mod catalog_store;
pub mod key_store;
pub mod outbox;
pub mod queue;
pub mod samples;
pub mod send_log;
mod suite;
pub mod user_store;

pub use catalog_store::CatalogStoreFixture;
pub use key_store::KeyStoreFixture;
pub use outbox::OutboxFixture;
pub use queue::QueueFixture;
pub use send_log::SendLogFixture;
pub use suite::run;
pub use user_store::UserStoreFixture;

use std::any::Any;

/// What must live as long as a fixture: temporary folders, child processes. Dropped with it.
pub type Keep = Box<dyn Any + Send + Sync>;
