use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use tokio::sync::Notify;

use crate::model::{AccountId, ConnectionId, SessionId};
use crate::port::{CloseReason, Hint, MAX_BACKLOG, Signal, Signals, Subscriber, SyncHub, SyncHubError};

/// The hub of one process (`sync = "local:"`). It loses nothing but what a slow reader leaves.
///
/// A hub of many processes has one of these for the connections of its own: what has no need to wait is
/// a plain method here.
#[derive(Debug, Default)]
pub struct LocalSyncHub {
    listeners: Listeners,
}

// Oldest connection first.
type Listeners = Arc<Mutex<HashMap<AccountId, Vec<Member>>>>;

#[derive(Debug)]
struct Member {
    subscriber: Subscriber,
    mailbox: Arc<Mailbox>,
}

#[derive(Debug, Default)]
struct Mailbox {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    hints: VecDeque<Hint>,
    missed: bool,
    close: Option<CloseReason>,
}

impl Mailbox {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self, hint: &Hint) {
        let mut waiting = self.waiting();
        if waiting.close.is_none() {
            if waiting.hints.len() < MAX_BACKLOG {
                waiting.hints.push_back(hint.clone());
            } else {
                waiting.close = Some(CloseReason::TooSlow);
            }
        }
        drop(waiting);
        self.changed.notify_one();
    }

    fn miss(&self) {
        self.waiting().missed = true;
        self.changed.notify_one();
    }

    fn close(&self, reason: CloseReason) {
        self.waiting().close = Some(reason);
        self.changed.notify_one();
    }

    async fn next(&self) -> Signal {
        loop {
            {
                let mut waiting = self.waiting();
                if let Some(hint) = waiting.hints.pop_front() {
                    return Signal::Hint(hint);
                }
                if std::mem::take(&mut waiting.missed) {
                    return Signal::Missed;
                }
                if let Some(reason) = waiting.close {
                    return Signal::Close(reason);
                }
            }
            self.changed.notified().await;
        }
    }
}

/// The connection's place in the hub: it leaves when its stream is dropped.
struct Membership {
    listeners: Listeners,
    account: AccountId,
    connection: ConnectionId,
    mailbox: Arc<Mailbox>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut listeners = lock(&self.listeners);
        if let Some(members) = listeners.get_mut(&self.account) {
            members.retain(|member| member.subscriber.connection != self.connection);
            if members.is_empty() {
                listeners.remove(&self.account);
            }
        }
    }
}

fn lock(listeners: &Listeners) -> MutexGuard<'_, HashMap<AccountId, Vec<Member>>> {
    listeners.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LocalSyncHub {
    /// As [`SyncHub::subscribe`].
    pub fn join(&self, subscriber: &Subscriber) -> Signals {
        let mailbox = Arc::new(Mailbox::default());
        let member = Member { subscriber: subscriber.clone(), mailbox: mailbox.clone() };
        lock(&self.listeners).entry(subscriber.account).or_default().push(member);
        let membership = Membership {
            listeners: self.listeners.clone(),
            account: subscriber.account,
            connection: subscriber.connection,
            mailbox,
        };
        let signals = stream::unfold(Some(membership), |membership| async {
            let membership = membership?;
            let signal = membership.mailbox.next().await;
            let open = (!matches!(signal, Signal::Close(_))).then_some(membership);
            Some((signal, open))
        });
        signals.fuse().boxed()
    }

    /// As [`SyncHub::update`]. Returns whether the connection is there.
    pub fn renew(&self, subscriber: &Subscriber) -> bool {
        let mut listeners = lock(&self.listeners);
        let members = listeners.get_mut(&subscriber.account);
        let member = members.and_then(|members| {
            members.iter_mut().find(|m| m.subscriber.connection == subscriber.connection)
        });
        let Some(member) = member else { return false };
        member.subscriber = subscriber.clone();
        true
    }

    /// As [`SyncHub::publish`]; `from` may be a connection of another process.
    pub fn deliver(&self, account: AccountId, from: ConnectionId, hint: &Hint) {
        // Posting under the lock keeps the order the same for every member.
        for member in lock(&self.listeners).get(&account).into_iter().flatten() {
            if member.subscriber.connection != from {
                member.mailbox.post(hint);
            }
        }
    }

    /// As [`SyncHub::close_session`], and with no session as [`SyncHub::close_account`].
    pub fn close(&self, account: AccountId, session: Option<SessionId>) {
        let reason = match session {
            Some(_) => CloseReason::SessionRevoked,
            None => CloseReason::AccountDeleted,
        };
        for member in lock(&self.listeners).get(&account).into_iter().flatten() {
            if session.is_none_or(|session| member.subscriber.session == session) {
                member.mailbox.close(reason);
            }
        }
    }

    /// Tells everybody that something may have been lost: [`Signal::Missed`], after what waits.
    pub fn miss(&self) {
        for member in lock(&self.listeners).values().flatten() {
            member.mailbox.miss();
        }
    }

    /// The listener's connections, oldest first.
    pub fn members(&self, account: AccountId) -> Vec<Subscriber> {
        let listeners = lock(&self.listeners);
        listeners.get(&account).into_iter().flatten().map(|member| member.subscriber.clone()).collect()
    }

    /// All connections there are.
    pub fn all_members(&self) -> Vec<Subscriber> {
        lock(&self.listeners).values().flatten().map(|member| member.subscriber.clone()).collect()
    }
}

#[async_trait]
impl SyncHub for LocalSyncHub {
    async fn subscribe(&self, subscriber: &Subscriber) -> Result<Signals, SyncHubError> {
        Ok(self.join(subscriber))
    }

    async fn update(&self, subscriber: &Subscriber) -> Result<(), SyncHubError> {
        self.renew(subscriber);
        Ok(())
    }

    async fn publish(&self, account: AccountId, from: ConnectionId, hint: &Hint) -> Result<(), SyncHubError> {
        self.deliver(account, from, hint);
        Ok(())
    }

    async fn online(&self, account: AccountId) -> Result<Vec<Subscriber>, SyncHubError> {
        Ok(self.members(account))
    }

    async fn close_account(&self, account: AccountId) -> Result<(), SyncHubError> {
        self.close(account, None);
        Ok(())
    }

    async fn close_session(&self, account: AccountId, session: SessionId) -> Result<(), SyncHubError> {
        self.close(account, Some(session));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;

    /// Also those who waited for nothing, and only once.
    #[tokio::test]
    async fn everybody_hears_that_something_was_missed() {
        let hub = LocalSyncHub::default();
        let mut signals = [1, 2].map(|n| {
            hub.join(&Subscriber {
                connection: Uuid::from_u128(n).into(),
                account: Uuid::from_u128(n).into(),
                session: Uuid::from_u128(n).into(),
                device: None,
                round_trip: Duration::ZERO,
            })
        });
        assert_eq!(hub.all_members().len(), 2);
        hub.miss();
        hub.miss();
        for signals in &mut signals {
            assert_eq!(signals.next().now_or_never(), Some(Some(Signal::Missed)));
            assert_eq!(signals.next().now_or_never(), None, "it goes on");
        }
    }
}
