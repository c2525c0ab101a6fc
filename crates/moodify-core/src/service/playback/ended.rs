//! Sessions and accounts that ended lately.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::Playback;
use crate::Error;
use crate::model::{AccountId, Caller, earlier, later};
use crate::port::Ended;

/// For how long beyond the life of a token: clocks may be set back.
const SLACK: Duration = Duration::from_secs(60 * 60);

/// The most that are remembered: nobody can fill the memory.
const MAX: usize = 100_000;

/// An access token works until it expires, whatever became of its session. This turns away those
/// whose sockets were closed and come back with the same token.
///
/// The store knows them as well, for the processes that follow this one.
#[derive(Debug)]
pub(super) struct EndedLately {
    remembered_for: Duration,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    at: HashMap<Ended, Timestamp>,
    in_order: VecDeque<(Timestamp, Ended)>,
}

impl EndedLately {
    /// Access tokens live so long: after that, they open nothing by themselves.
    pub(super) fn new(token_life: Duration) -> Self {
        Self { remembered_for: token_life.saturating_add(SLACK), memory: Mutex::default() }
    }

    fn includes(&self, who: &[Ended]) -> bool {
        let memory = self.memory();
        who.iter().any(|who| memory.at.contains_key(who))
    }

    pub(super) fn includes_account(&self, account: AccountId) -> bool {
        self.includes(&[Ended::Account(account)])
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, who: Ended, now: Timestamp) {
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
        memory.at.insert(who, now);
        memory.in_order.push_back((now, who));
    }
}

impl Playback {
    /// Whoever connects from now on is turned away, by whatever process.
    pub(super) async fn note_ended(&self, who: Ended) -> Result<(), Error> {
        let now = self.context.now();
        self.ended.remember(who, now);
        Ok(self.store.note_ended(who, later(now, self.ended.remembered_for), now).await?)
    }

    /// Whether the caller's session or account has ended.
    pub(super) async fn has_ended(&self, caller: &Caller) -> Result<bool, Error> {
        self.is_any_ended(&[Ended::Account(caller.account_id), Ended::Session(caller.session_id)]).await
    }

    /// Whether one of these has ended, as this process or the store remembers.
    pub(super) async fn is_any_ended(&self, who: &[Ended]) -> Result<bool, Error> {
        Ok(self.ended.includes(who) || self.store.has_ended(who).await?)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_session_is_remembered_for_as_long_as_its_tokens_live() {
        let (life, revoked_at) = (Duration::from_secs(24 * 60 * 60), Timestamp::UNIX_EPOCH);
        let ended = EndedLately::new(life);
        let [gone, other] = [1, 2].map(|n| Ended::Session(Uuid::from_u128(n).into()));
        ended.remember(gone, revoked_at);
        for (passed, included) in [(Duration::ZERO, true), (life, true), (life + 2 * SLACK, false)] {
            // Whoever comes to be remembered makes room.
            ended.remember(other, later(revoked_at, passed));
            assert_eq!(ended.includes(&[gone]), included, "after {passed:?}");
        }
    }
}
