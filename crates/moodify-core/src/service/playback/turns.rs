//! One at a time for each listener.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::OwnedMutexGuard;

use crate::model::AccountId;

type Lock = Arc<tokio::sync::Mutex<()>>;

/// A lock per listener that exists only while somebody holds it or waits for it.
#[derive(Debug, Default)]
pub(super) struct Turns {
    locks: Mutex<HashMap<AccountId, Lock>>,
}

/// The right to change this listener's playback in this process.
#[derive(Debug)]
pub(super) struct ListenersTurn<'a> {
    // Dropped in this order: first unlock, then see whether anybody else wants the lock.
    _held: OwnedMutexGuard<()>,
    _claim: Claim<'a>,
}

#[derive(Debug)]
struct Claim<'a> {
    turns: &'a Turns,
    account: AccountId,
    lock: Lock,
}

impl Turns {
    /// Waits for this listener's turn. Those who wait get it in the order they came.
    pub(super) async fn take(&self, account: AccountId) -> ListenersTurn<'_> {
        let lock = self.locks().entry(account).or_default().clone();
        // Claimed before waiting: a call that is dropped while it waits leaves nothing behind.
        let claim = Claim { turns: self, account, lock };
        let held = claim.lock.clone().lock_owned().await;
        ListenersTurn { _held: held, _claim: claim }
    }

    fn locks(&self) -> MutexGuard<'_, HashMap<AccountId, Lock>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut locks = self.turns.locks();
        // Clones are made under this guard only: two are the map's and this one.
        if Arc::strong_count(&self.lock) == 2 {
            locks.remove(&self.account);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;

    fn account(n: u128) -> AccountId {
        Uuid::from_u128(n).into()
    }

    #[tokio::test]
    async fn one_listener_one_turn_and_nothing_is_left() {
        let turns = Turns::default();
        let first = turns.take(account(1)).await;
        assert!(turns.take(account(1)).now_or_never().is_none(), "a dropped wait");
        let other = turns.take(account(2)).now_or_never().expect("listeners do not wait for each other");
        let mut waiting = Box::pin(turns.take(account(1)));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(first);
        let second = waiting.now_or_never().expect("the turn is free");
        drop((second, other));
        assert!(turns.locks().is_empty());
    }
}
