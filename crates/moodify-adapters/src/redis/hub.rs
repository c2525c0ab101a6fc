//! The port: a listener's connections at all processes.

use std::sync::Arc;

use async_trait::async_trait;
use moodify_core::model::{AccountId, ConnectionId, SessionId};
use moodify_core::port::{Hint, Signals, Subscriber, SyncHub, SyncHubError};
use redis::Pipeline;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::error::Fault;
use super::server::Base;
use crate::hub::{Here, Message, Record, Tasks};

/// A hub over Redis, for any number of processes. Connections of the same process hear of each other without
/// a detour.
pub struct RedisSyncHub {
    inner: Arc<Inner>,
    _tasks: Arc<Tasks>,
}

pub(super) struct Inner {
    pub(super) base: Arc<Base>,
    pub(super) here: Here<Fault>,
    requests: mpsc::UnboundedSender<Request>,
}

/// What has to be done on the connection that hears what others publish.
pub(super) enum Request {
    /// The listener has a connection here; tell when its hints arrive.
    Join(AccountId, oneshot::Sender<Result<(), Fault>>),
    /// A connection has left.
    Left(AccountId, ConnectionId),
}

impl Inner {
    pub(super) fn new(base: Arc<Base>, here: Here<Fault>, requests: mpsc::UnboundedSender<Request>) -> Self {
        Self { base, here, requests }
    }

    /// Lets the others know of a connection.
    pub(super) fn attend(
        &self,
        commands: &mut Pipeline,
        lease: Uuid,
        subscriber: &Subscriber,
    ) -> Result<(), Fault> {
        let keys = &self.base.keys;
        let record = self.here.record(subscriber)?;
        let field = format!("{}:{lease}", subscriber.connection);
        commands.cmd("HSET").arg(keys.online(subscriber.account)).arg(field).arg(record).ignore();
        commands.cmd("SADD").arg(keys.attendance(lease)).arg(subscriber.account.to_string()).ignore();
        Ok(())
    }

    async fn make_known(&self, subscriber: &Subscriber) -> Result<(), Fault> {
        let session = self.base.link.session()?;
        let mut commands = redis::pipe();
        self.attend(&mut commands, session.lease, subscriber)?;
        session.ask_all("note a connection", &commands).await
    }

    /// Returns when the hints of this listener arrive here.
    async fn hear_of(&self, account: AccountId) -> Result<(), Fault> {
        let (tell, told) = oneshot::channel();
        self.requests.send(Request::Join(account, tell)).map_err(|_| Fault::Lost)?;
        self.here.answer(told, "a subscription").await
    }

    fn left(&self, account: AccountId, connection: ConnectionId) {
        self.here.forget(connection);
        // Nobody is there to be told when the hub itself is gone.
        let _ = self.requests.send(Request::Left(account, connection));
    }

    async fn elsewhere(&self, account: AccountId) -> Result<Vec<(i64, Subscriber)>, Fault> {
        let session = self.base.link.session()?;
        let Base { keys, scripts, .. } = &*self.base;
        let mut script = scripts.online.key(keys.online(account));
        script.key(keys.leases()).arg(session.lease.to_string());
        let records: Vec<String> = session.call("tell who is there", &script).await?;
        records.iter().map(|record| Record::decode(record, account)).collect()
    }
}

impl RedisSyncHub {
    pub(super) fn new(inner: Arc<Inner>, tasks: Arc<Tasks>) -> Self {
        Self { inner, _tasks: tasks }
    }
}

#[async_trait]
impl SyncHub for RedisSyncHub {
    async fn subscribe(&self, subscriber: &Subscriber) -> Result<Signals, SyncHubError> {
        // At once, where there is no server.
        self.inner.base.link.session()?;
        let Subscriber { account, connection, .. } = *subscriber;
        let inner = self.inner.clone();
        let heard = self.inner.here.join(subscriber, move || inner.left(account, connection));
        self.inner.hear_of(account).await?;
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
