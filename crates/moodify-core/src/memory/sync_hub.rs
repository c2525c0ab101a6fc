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

#[async_trait]
impl SyncHub for LocalSyncHub {
    async fn subscribe(&self, subscriber: &Subscriber) -> Result<Signals, SyncHubError> {
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
            let open = matches!(signal, Signal::Hint(_)).then_some(membership);
            Some((signal, open))
        });
        Ok(signals.fuse().boxed())
    }

    async fn update(&self, subscriber: &Subscriber) -> Result<(), SyncHubError> {
        let mut listeners = lock(&self.listeners);
        let members = listeners.get_mut(&subscriber.account);
        if let Some(member) = members
            .and_then(|members| members.iter_mut().find(|m| m.subscriber.connection == subscriber.connection))
        {
            member.subscriber = subscriber.clone();
        }
        Ok(())
    }

    async fn publish(&self, account: AccountId, from: ConnectionId, hint: &Hint) -> Result<(), SyncHubError> {
        // Posting under the lock keeps the order the same for every member.
        for member in lock(&self.listeners).get(&account).into_iter().flatten() {
            if member.subscriber.connection != from {
                member.mailbox.post(hint);
            }
        }
        Ok(())
    }

    async fn online(&self, account: AccountId) -> Result<Vec<Subscriber>, SyncHubError> {
        let listeners = lock(&self.listeners);
        Ok(listeners.get(&account).into_iter().flatten().map(|member| member.subscriber.clone()).collect())
    }

    async fn close_account(&self, account: AccountId) -> Result<(), SyncHubError> {
        for member in lock(&self.listeners).get(&account).into_iter().flatten() {
            member.mailbox.close(CloseReason::AccountDeleted);
        }
        Ok(())
    }

    async fn close_session(&self, account: AccountId, session: SessionId) -> Result<(), SyncHubError> {
        for member in lock(&self.listeners).get(&account).into_iter().flatten() {
            if member.subscriber.session == session {
                member.mailbox.close(CloseReason::SessionRevoked);
            }
        }
        Ok(())
    }
}
