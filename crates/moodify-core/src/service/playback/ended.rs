//! Sessions and accounts that ended lately.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use uuid::Uuid;

use crate::model::{AccountId, Caller, SessionId, earlier};

/// Longer than an access token lives: after that, it opens nothing by itself.
const MEMORY: Duration = Duration::from_secs(60 * 60);

/// The most that are remembered: nobody can fill the memory.
const MAX: usize = 100_000;

/// An access token works until it expires, whatever became of its session. This turns away those
/// whose sockets were closed and come back with the same token.
#[derive(Debug, Default)]
pub(super) struct Ended(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    // Accounts and sessions are random in the same way: no key is both.
    at: HashMap<Uuid, Timestamp>,
    in_order: VecDeque<(Timestamp, Uuid)>,
}

impl Ended {
    pub(super) fn session(&self, session: SessionId, now: Timestamp) {
        self.remember(session.as_uuid(), now);
    }

    pub(super) fn account(&self, account: AccountId, now: Timestamp) {
        self.remember(account.as_uuid(), now);
    }

    pub(super) fn includes(&self, caller: &Caller) -> bool {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        [caller.session_id.as_uuid(), caller.account_id.as_uuid()].iter().any(|id| memory.at.contains_key(id))
    }

    pub(super) fn includes_account(&self, account: AccountId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).at.contains_key(&account.as_uuid())
    }

    fn remember(&self, id: Uuid, now: Timestamp) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let horizon = earlier(now, MEMORY);
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
