//! Public test suites: one list of cases per port, run by every adapter.
//!
//! A case is a plain function that holds an adapter to sentences of its port's contract; the
//! suite's macro turns each into a test with its own name:
//!
//! ```
//! use std::sync::Arc;
//!
//! use moodify_core::conformance::UserStoreFixture;
//! # use moodify_core::memory::MemoryStore as MyStore;
//!
//! async fn fixture() -> UserStoreFixture {
//!     let store = Arc::new(MyStore::new());
//!     UserStoreFixture::new(store.clone(), store, ())
//! }
//!
//! moodify_core::user_store_suite!(my_store, fixture);
//! # fn main() {}
//! ```
//!
//! Every suite is named after its port: [`user_store_suite`](crate::user_store_suite) with
//! [`UserStoreFixture`] (and [`log_in_tally_suite`](crate::log_in_tally_suite)), [`key_store_suite`](crate::key_store_suite),
//! [`catalog_store_suite`](crate::catalog_store_suite),
//! [`library_store_suite`](crate::library_store_suite), [`outbox_suite`](crate::outbox_suite),
//! [`queue_suite`](crate::queue_suite), [`send_log_suite`](crate::send_log_suite),
//! [`recipient_store_suite`](crate::recipient_store_suite),
//! [`media_store_suite`](crate::media_store_suite), [`media_signer_suite`](crate::media_signer_suite) with
//! [`SignerWays`], [`mailer_suite`](crate::mailer_suite),
//! [`playback_store_suite`](crate::playback_store_suite),
//! [`playback_archive_suite`](crate::playback_archive_suite), [`sync_hub_suite`](crate::sync_hub_suite),
//! [`upload_store_suite`](crate::upload_store_suite).
//!
//! The fixture function is called once per case and gives each a fresh, empty store: its own file,
//! database, schema, virtual host or prefix. All samples are unique even so: only cases about a
//! whole store (order of an outbox, stale uploads, "no key yet") depend on the emptiness.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a case reports by panicking")]

pub mod catalog_store;
mod dice;
pub mod key_store;
pub mod library_store;
pub mod log_in_tally;
pub mod mailer;
pub mod media_signer;
pub mod media_store;
pub mod outbox;
pub mod playback_archive;
pub mod playback_store;
pub mod queue;
mod reading;
pub mod recipient_store;
pub mod samples;
pub mod send_log;
mod suite;
pub mod sync_hub;
pub mod upload_store;
pub mod user_store;

pub use catalog_store::CatalogStoreFixture;
pub use key_store::KeyStoreFixture;
pub use library_store::LibraryStoreFixture;
pub use mailer::MailerFixture;
pub use media_signer::{MediaSignerFixture, PlainAnswer, PlainClient, PlainRequest, SignerWays};
pub use media_store::MediaStoreFixture;
pub use outbox::OutboxFixture;
pub use playback_archive::PlaybackArchiveFixture;
pub use playback_store::PlaybackStoreFixture;
pub use queue::QueueFixture;
pub use recipient_store::RecipientStoreFixture;
pub use send_log::SendLogFixture;
pub use suite::run;
pub use sync_hub::SyncHubFixture;
pub use upload_store::UploadStoreFixture;
pub use user_store::UserStoreFixture;

use std::any::Any;

/// What must live as long as a fixture: temporary folders, child processes. Dropped with it.
pub type Keep = Box<dyn Any + Send + Sync>;
