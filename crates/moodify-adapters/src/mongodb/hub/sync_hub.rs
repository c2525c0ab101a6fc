//! The port: a listener's connections at all processes.

use std::sync::Arc;

use async_trait::async_trait;
use moodify_core::model::{AccountId, ConnectionId, SessionId};
use moodify_core::port::{Hint, Signals, Subscriber, SyncHub, SyncHubError};
use tokio::sync::{mpsc, oneshot};

use super::base::Base;
use super::error::Fault;
use crate::hub::{Here, Message, Tasks};

/// A hub over a MongoDB database, for any number of processes. Connections of the same process hear of each
/// other without a detour.
pub struct MongoSyncHub {
    inner: Arc<Inner>,
    _tasks: Arc<Tasks>,
}

pub(super) struct Inner {
    pub(super) base: Arc<Base>,
    pub(super) here: Here<Fault>,
    requests: mpsc::UnboundedSender<Request>,
}

/// What the others are to know. One task tells them, in this order: the database would mix it up.
pub(super) enum Request {
    /// A connection is here, or another one than before; tell when they can know it.
    Attend(AccountId, ConnectionId, oneshot::Sender<Result<(), Fault>>),
    /// It has left.
    Left(ConnectionId),
}

impl Inner {
    pub(super) fn new(base: Arc<Base>, here: Here<Fault>, requests: mpsc::UnboundedSender<Request>) -> Self {
        Self { base, here, requests }
    }

    async fn make_known(&self, subscriber: &Subscriber) -> Result<(), Fault> {
        let (tell, told) = oneshot::channel();
        let request = Request::Attend(subscriber.account, subscriber.connection, tell);
        self.requests.send(request).map_err(|_| Fault::Lost)?;
        self.here.answer(told, "a connection to be noted").await
    }

    fn left(&self, connection: ConnectionId) {
        self.here.forget(connection);
        // Nobody is there to be told when the hub itself is gone.
        let _ = self.requests.send(Request::Left(connection));
    }
}

impl MongoSyncHub {
    pub(super) fn new(inner: Arc<Inner>, tasks: Arc<Tasks>) -> Self {
        Self { inner, _tasks: tasks }
    }
}

#[async_trait]
impl SyncHub for MongoSyncHub {
    async fn subscribe(&self, subscriber: &Subscriber) -> Result<Signals, SyncHubError> {
        // At once, where there is no server. While there is one, what is published to anybody is heard here.
        self.inner.base.link.session()?;
        let (inner, connection) = (self.inner.clone(), subscriber.connection);
        let heard = self.inner.here.join(subscriber, move || inner.left(connection));
        self.inner.make_known(subscriber).await?;
        Ok(heard)
    }

    async fn update(&self, subscriber: &Subscriber) -> Result<(), SyncHubError> {
        if self.inner.here.local.renew(subscriber) {
            self.inner.make_known(subscriber).await?;
        }
        Ok(())
    }

    async fn publish(&self, account: AccountId, from: ConnectionId, hint: &Hint) -> Result<(), SyncHubError> {
        Ok(self.inner.here.send(account, &Message::Hint(from, hint.clone()), None)?)
    }

    async fn online(&self, account: AccountId) -> Result<Vec<Subscriber>, SyncHubError> {
        let elsewhere = self.inner.elsewhere(account).await?;
        Ok(self.inner.here.with_those_here(account, elsewhere))
    }

    async fn close_session(&self, account: AccountId, session: SessionId) -> Result<(), SyncHubError> {
        Ok(self.inner.here.close(account, Some(session)).await?)
    }

    async fn close_account(&self, account: AccountId) -> Result<(), SyncHubError> {
        Ok(self.inner.here.close(account, None).await?)
    }

    async fn deserted(&self) -> Subscriber {
        self.inner.here.deserted().await
    }
}
