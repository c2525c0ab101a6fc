//! The port: a listener's connections at all processes.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures::{Stream, StreamExt};
use moodify_core::memory::LocalSyncHub;
use moodify_core::model::{AccountId, ConnectionId, SessionId};
use moodify_core::port::{Hint, Signal, Signals, Subscriber, SyncHub, SyncHubError};
use redis::Pipeline;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::error::Fault;
use super::publisher::{Outbox, Outgoing};
use super::server::{Base, Tasks};
use super::wire::{Message, Record};

/// How many connections whose process died wait to be noted.
const DESERTED: usize = 256;

/// A hub over Redis, for any number of processes. Connections of the same process hear of each other without
/// a detour.
pub struct RedisSyncHub {
    inner: Arc<Inner>,
    _tasks: Arc<Tasks>,
}

pub(super) struct Inner {
    pub(super) base: Arc<Base>,
    /// The connections of this process.
    pub(super) local: LocalSyncHub,
    requests: mpsc::UnboundedSender<Request>,
    outbox: Outbox,
    /// Held while something is delivered here and put into the queue for elsewhere: one order for both.
    order: Mutex<()>,
    joined: Mutex<Joined>,
    pub(super) deserted: mpsc::Sender<Subscriber>,
    told: tokio::sync::Mutex<mpsc::Receiver<Subscriber>>,
    /// Whether anybody here asks for connections whose process died.
    pub(super) is_asked: AtomicBool,
}

/// What has to be done on the connection that hears what others publish.
pub(super) enum Request {
    /// The listener has a connection here; tell when its hints arrive.
    Join(AccountId, oneshot::Sender<Result<(), Fault>>),
    /// A connection has left.
    Left(AccountId, ConnectionId),
}

/// When the connections of this process joined, in microseconds since 1970, each another.
#[derive(Default)]
struct Joined {
    at: HashMap<ConnectionId, i64>,
    last: i64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    pub(super) fn new(base: Arc<Base>, requests: mpsc::UnboundedSender<Request>, outbox: Outbox) -> Self {
        let (deserted, told) = mpsc::channel(DESERTED);
        Self {
            base,
            local: LocalSyncHub::default(),
            requests,
            outbox,
            order: Mutex::default(),
            joined: Mutex::default(),
            deserted,
            told: told.into(),
            is_asked: AtomicBool::new(false),
        }
    }

    fn note_joined(&self, connection: ConnectionId) {
        let now = self.base.context.now().as_microsecond();
        let mut joined = lock(&self.joined);
        joined.last = now.max(joined.last + 1);
        let at = joined.last;
        joined.at.insert(connection, at);
    }

    fn joined_at(&self, connection: ConnectionId) -> i64 {
        lock(&self.joined).at.get(&connection).copied().unwrap_or(i64::MAX)
    }

    /// Lets the others know of a connection.
    pub(super) fn attend(
        &self,
        commands: &mut Pipeline,
        lease: Uuid,
        subscriber: &Subscriber,
    ) -> Result<(), Fault> {
        let keys = &self.base.keys;
        let record = Record::of(subscriber, self.joined_at(subscriber.connection)).encode()?;
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
        let timeout = self.base.config.timeout;
        match tokio::time::timeout(timeout, told).await {
            Ok(told) => told.unwrap_or(Err(Fault::Lost)),
            Err(_) => Err(Fault::Silent(timeout, "a subscription")),
        }
    }

    /// Delivers it here, and puts it into the queue for elsewhere.
    fn send(
        &self,
        account: AccountId,
        message: &Message,
        done: Option<oneshot::Sender<Result<(), Fault>>>,
    ) -> Result<(), Fault> {
        let bytes = message.encode(self.base.me)?;
        let outgoing = Outgoing { channel: self.base.keys.hints(account), message: bytes, done };
        let _order = lock(&self.order);
        self.deliver(account, message);
        self.outbox.put(outgoing)
    }

    /// To the connections of this process.
    pub(super) fn deliver(&self, account: AccountId, message: &Message) {
        match message {
            Message::Hint(from, hint) => self.local.deliver(account, *from, hint),
            Message::Close(session) => self.local.close(account, *session),
        }
    }

    /// Returns when it is out: whoever asks for it asks again if it is not.
    async fn close(&self, account: AccountId, session: Option<SessionId>) -> Result<(), Fault> {
        let (tell, told) = oneshot::channel();
        self.send(account, &Message::Close(session), Some(tell))?;
        let timeout = self.base.config.timeout;
        match tokio::time::timeout(timeout, told).await {
            Ok(told) => told.unwrap_or(Err(Fault::Lost)),
            Err(_) => Err(Fault::Silent(timeout, "a word that ends connections")),
        }
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

/// What a connection hears, for as long as it listens.
struct Heard {
    // Dropped in this order: who says that it has left has left.
    signals: Signals,
    leave: Option<Leave>,
}

struct Leave {
    inner: Arc<Inner>,
    account: AccountId,
    connection: ConnectionId,
}

impl Drop for Leave {
    fn drop(&mut self) {
        lock(&self.inner.joined).at.remove(&self.connection);
        // Nobody is there to be told when the hub itself is gone.
        let _ = self.inner.requests.send(Request::Left(self.account, self.connection));
    }
}

impl Stream for Heard {
    type Item = Signal;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Signal>> {
        let heard = self.signals.poll_next_unpin(cx);
        if matches!(heard, Poll::Ready(Some(Signal::Close(_)) | None)) {
            self.leave = None;
        }
        heard
    }
}

#[async_trait]
impl SyncHub for RedisSyncHub {
    async fn subscribe(&self, subscriber: &Subscriber) -> Result<Signals, SyncHubError> {
        // At once, where there is no server.
        self.inner.base.link.session()?;
        let Subscriber { account, connection, .. } = *subscriber;
        self.inner.note_joined(connection);
        let leave = Some(Leave { inner: self.inner.clone(), account, connection });
        let heard = Heard { signals: self.inner.local.join(subscriber), leave };
        self.inner.hear_of(account).await?;
        self.inner.make_known(subscriber).await?;
        Ok(heard.boxed())
    }

    async fn update(&self, subscriber: &Subscriber) -> Result<(), SyncHubError> {
        if self.inner.local.renew(subscriber) {
            self.inner.make_known(subscriber).await?;
        }
        Ok(())
    }

    async fn publish(&self, account: AccountId, from: ConnectionId, hint: &Hint) -> Result<(), SyncHubError> {
        Ok(self.inner.send(account, &Message::Hint(from, hint.clone()), None)?)
    }

    async fn online(&self, account: AccountId) -> Result<Vec<Subscriber>, SyncHubError> {
        let mut all = self.inner.elsewhere(account).await?;
        let here = self.inner.local.members(account);
        all.extend(here.into_iter().map(|member| (self.inner.joined_at(member.connection), member)));
        all.sort_by_key(|(joined_at, subscriber)| (*joined_at, subscriber.connection));
        // A process that has just joined again is there twice for a moment.
        all.dedup_by_key(|(_, subscriber)| subscriber.connection);
        Ok(all.into_iter().map(|(_, subscriber)| subscriber).collect())
    }

    async fn close_session(&self, account: AccountId, session: SessionId) -> Result<(), SyncHubError> {
        Ok(self.inner.close(account, Some(session)).await?)
    }

    async fn close_account(&self, account: AccountId) -> Result<(), SyncHubError> {
        Ok(self.inner.close(account, None).await?)
    }

    async fn deserted(&self) -> Subscriber {
        self.inner.is_asked.store(true, Ordering::Relaxed);
        match self.inner.told.lock().await.recv().await {
            Some(gone) => gone,
            // Cannot be: the other end is in the same place.
            None => std::future::pending().await,
        }
    }
}
