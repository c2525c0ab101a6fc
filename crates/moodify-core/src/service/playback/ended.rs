//! Sessions and accounts that ended lately.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use uuid::Uuid;

use crate::model::{AccountId, Caller, SessionId, earlier};

/// For how long beyond the life of a token: clocks may be set back.
const SLACK: Duration = Duration::from_secs(60 * 60);

/// The most that are remembered: nobody can fill the memory.
const MAX: usize = 100_000;

/// An access token works until it expires, whatever became of its session. This turns away those
/// whose sockets were closed and come back with the same token.
#[derive(Debug)]
pub(super) struct Ended {
    remembered_for: Duration,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    // Accounts and sessions are random in the same way: no key is both.
    at: HashMap<Uuid, Timestamp>,
    in_order: VecDeque<(Timestamp, Uuid)>,
}

impl Ended {
    /// Access tokens live so long: after that, they open nothing by themselves.
    pub(super) fn new(token_life: Duration) -> Self {
        Self { remembered_for: token_life.saturating_add(SLACK), memory: Mutex::default() }
    }

    pub(super) fn session(&self, session: SessionId, now: Timestamp) {
        self.remember(session.as_uuid(), now);
    }

    pub(super) fn account(&self, account: AccountId, now: Timestamp) {
        self.remember(account.as_uuid(), now);
    }

    pub(super) fn includes(&self, caller: &Caller) -> bool {
        let memory = self.memory();
        [caller.session_id.as_uuid(), caller.account_id.as_uuid()].iter().any(|id| memory.at.contains_key(id))
    }

    pub(super) fn includes_account(&self, account: AccountId) -> bool {
        self.memory().at.contains_key(&account.as_uuid())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, id: Uuid, now: Timestamp) {
        let mut memory = self.memory();
        let horizon = earlier(now, self.remembered_for);
        while let Some((at, oldest)) = memory.in_order.front().copied()
            && (at < horizon || memory.in_order.len() >= MAX)
        {
            memory.in_order.pop_front();
            if memory.at.get(&oldest) == Some(&at) {
                memory.at.remove(&oldest);
            }
        }
        memory.at.insert(id, now);
        memory.in_order.push_back((now, id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::later;
    use crate::service::playback::tests::caller;

    #[test]
    fn a_session_is_remembered_for_as_long_as_its_tokens_live() {
        let (life, revoked_at) = (Duration::from_secs(24 * 60 * 60), Timestamp::UNIX_EPOCH);
        let ended = Ended::new(life);
        let gone = caller(1, 10, revoked_at);
        ended.session(gone.session_id, revoked_at);
        for (passed, included) in [(Duration::ZERO, true), (life, true), (life + 2 * SLACK, false)] {
            // Whoever comes to be remembered makes room.
            let now = later(revoked_at, passed);
            ended.session(caller(2, 20, now).session_id, now);
            assert_eq!(ended.includes(&gone), included, "after {passed:?}");
        }
    }
}
