//! When the last connection left of listeners whose sound no device has in its name.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use crate::model::AccountId;

/// Of a device the store knows when it was there last. Of a client that says no `hello` nobody does:
/// this remembers it for as long as such clients are waited for.
#[derive(Debug, Default)]
pub(super) struct Deserted(Mutex<HashMap<AccountId, Timestamp>>);

impl Deserted {
    /// The last one left at this moment.
    pub(super) fn note(&self, account: AccountId, at: Timestamp) {
        self.left().insert(account, at);
    }

    /// When the last one left: now, as far as is known, if another process saw it.
    pub(super) fn since(&self, account: AccountId, now: Timestamp) -> Timestamp {
        *self.left().entry(account).or_insert(now)
    }

    pub(super) fn forget(&self, account: AccountId) {
        self.left().remove(&account);
    }

    fn left(&self) -> MutexGuard<'_, HashMap<AccountId, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
