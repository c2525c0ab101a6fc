use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::Error;
use crate::model::AccountId;

/// How much uploads may take at once. The pictures and songs of all wait in one line to be decoded, and
/// on one disk: nobody may fill either alone.
pub(super) struct UploadPlaces {
    /// 0 is no limit.
    for_each: u32,
    max_bytes: u64,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    uploads: HashMap<AccountId, u32>,
    bytes: u64,
}

/// The place of one upload, with what it has staged; dropping it gives both back.
pub(super) struct UploadPlace {
    places: Arc<UploadPlaces>,
    account: AccountId,
    bytes: Mutex<u64>,
    refused: AtomicBool,
}

impl UploadPlaces {
    pub(super) fn new(for_each: u32, max_bytes: u64) -> Self {
        Self { for_each, max_bytes, taken: Mutex::default() }
    }

    /// A place for one more upload of this account.
    ///
    /// # Errors
    /// [`Error::Busy`] if it has as many as it may, or if nothing more can be staged.
    pub(super) fn take(self: &Arc<Self>, account: AccountId) -> Result<UploadPlace, Error> {
        let mut taken = lock(&self.taken);
        if taken.bytes >= self.max_bytes {
            return Err(busy());
        }
        let uploads = taken.uploads.entry(account).or_default();
        // An entry that was just made is below every limit.
        if self.for_each > 0 && *uploads >= self.for_each {
            return Err(busy());
        }
        *uploads = uploads.saturating_add(1);
        Ok(UploadPlace {
            places: self.clone(),
            account,
            bytes: Mutex::default(),
            refused: AtomicBool::new(false),
        })
    }
}

impl UploadPlace {
    /// Lets a piece of the body pass if there is room for it.
    pub(super) fn admit(&self, piece: Bytes) -> io::Result<Bytes> {
        let len = piece.len() as u64;
        let mut taken = lock(&self.places.taken);
        let after = taken.bytes.saturating_add(len);
        if after > self.places.max_bytes {
            self.refused.store(true, Ordering::Relaxed);
            return Err(io::Error::other("there is no room to stage more"));
        }
        taken.bytes = after;
        *lock(&self.bytes) += len;
        Ok(piece)
    }

    /// Why the upload came to nothing, if that was for want of room.
    pub(super) fn refusal(&self) -> Option<Error> {
        self.refused.load(Ordering::Relaxed).then(busy)
    }
}

impl Drop for UploadPlace {
    fn drop(&mut self) {
        let mut taken = lock(&self.places.taken);
        taken.bytes = taken.bytes.saturating_sub(*lock(&self.bytes));
        if let Some(uploads) = taken.uploads.get_mut(&self.account) {
            *uploads = uploads.saturating_sub(1);
            if *uploads == 0 {
                taken.uploads.remove(&self.account);
            }
        }
    }
}

fn busy() -> Error {
    /// A song on a listener's line takes about as long.
    const RETRY_AFTER: Duration = Duration::from_secs(10);
    Error::Busy { retry_after: RETRY_AFTER }
}

/// No count is ever left half changed, so a panic elsewhere spoils nothing.
fn lock<T>(counts: &Mutex<T>) -> MutexGuard<'_, T> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn account(n: u128) -> AccountId {
        Uuid::from_u128(n).into()
    }

    #[test]
    fn an_account_has_as_many_places_as_it_may_and_gets_them_back() {
        let places = Arc::new(UploadPlaces::new(2, 100));
        let (first, _second) = (places.take(account(1)).unwrap(), places.take(account(1)).unwrap());
        assert!(matches!(places.take(account(1)), Err(Error::Busy { .. })));
        let other = places.take(account(2)).unwrap();
        drop(first);
        let third = places.take(account(1)).unwrap();
        assert!(places.take(account(1)).is_err());
        drop((third, other, _second));
        assert!(lock(&places.taken).uploads.is_empty(), "nobody is remembered");
        let unlimited = Arc::new(UploadPlaces::new(0, 100));
        let many: Vec<_> = (0..100).map(|_| unlimited.take(account(1)).unwrap()).collect();
        assert_eq!(many.len(), 100);
    }

    #[test]
    fn all_uploads_together_stage_no_more_than_there_is_room_for() {
        let places = Arc::new(UploadPlaces::new(3, 100));
        let (one, other) = (places.take(account(1)).unwrap(), places.take(account(2)).unwrap());
        let piece = |len: usize| Bytes::from(vec![0; len]);
        one.admit(piece(60)).unwrap();
        assert!(other.refusal().is_none());
        assert!(other.admit(piece(41)).is_err());
        assert!(matches!(other.refusal(), Some(Error::Busy { .. })));
        assert!(one.refusal().is_none());
        one.admit(piece(40)).unwrap();
        assert!(places.take(account(3)).is_err(), "not even begun");
        drop(one);
        other.admit(piece(100)).unwrap();
        drop(other);
        assert_eq!(lock(&places.taken).bytes, 0);
    }
}
