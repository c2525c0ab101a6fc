use std::sync::{Mutex, MutexGuard, PoisonError};

use super::catalog_store::Catalog;
use super::hint::Hint;
use super::key_store::Keys;
use super::library_store::Library;
use super::outbox::Waiting;
use super::recipient_store::Recipients;
use super::send_log::{Paces, Sends};
use super::upload_store::Uploads;
use super::user_store::Users;

/// Everything a database would keep, behind one lock: an atomic step is one look at it.
///
/// Implements [`UserStore`](crate::port::UserStore), [`KeyStore`](crate::port::KeyStore),
/// [`CatalogStore`](crate::port::CatalogStore), [`LibraryStore`](crate::port::LibraryStore),
/// [`Outbox`](crate::port::Outbox), [`SendLog`](crate::port::SendLog),
/// [`RecipientStore`](crate::port::RecipientStore) and [`UploadStore`](crate::port::UploadStore).
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
    pub(super) appended: Hint,
}

#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) users: Users,
    pub(super) keys: Keys,
    pub(super) catalog: Catalog,
    pub(super) library: Library,
    pub(super) outbox: Waiting,
    pub(super) sends: Sends,
    pub(super) paces: Paces,
    pub(super) recipients: Recipients,
    pub(super) uploads: Uploads,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// No method leaves the tables half changed, so a panic in one spoils nothing for the next.
    pub(super) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
