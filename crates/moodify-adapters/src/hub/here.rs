//! The connections of this process, and what they have to do with those of others.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use futures::{Stream, StreamExt};
use moodify_core::memory::LocalSyncHub;
use moodify_core::model::{AccountId, ConnectionId, SessionId};
use moodify_core::port::{Signal, Signals, Subscriber};
use moodify_core::service::Context;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::outbox::{Outbox, Outgoing};
use super::{HubFault, Message, Record};

/// How many connections whose process died wait to be noted.
const DESERTED: usize = 256;

/// A process, as part of a hub.
pub(crate) struct Here<F> {
    context: Context,
    /// The name that what it sends begins with.
    process: Uuid,
    /// How long whoever asks for something waits for it.
    patience: Duration,
    pub(crate) local: LocalSyncHub,
    outbox: Outbox<F>,
    /// Held while something is delivered here and put into the queue for elsewhere: one order for both.
    order: Mutex<()>,
    joined: Mutex<Joined>,
    deserted: mpsc::Sender<Subscriber>,
    told: tokio::sync::Mutex<mpsc::Receiver<Subscriber>>,
    /// Whether anybody here asks for connections whose process died.
    is_asked: AtomicBool,
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

impl<F: HubFault> Here<F> {
    pub(crate) fn new(context: Context, process: Uuid, patience: Duration, outbox: Outbox<F>) -> Self {
        let (deserted, told) = mpsc::channel(DESERTED);
        Self {
            context,
            process,
            patience,
            local: LocalSyncHub::default(),
            outbox,
            order: Mutex::default(),
            joined: Mutex::default(),
            deserted,
            told: told.into(),
            is_asked: AtomicBool::new(false),
        }
    }

    /// Joins a connection to those of this process. When it has left, this is called.
    pub(crate) fn join(&self, subscriber: &Subscriber, left: impl FnOnce() + Send + 'static) -> Signals {
        let now = self.context.now().as_microsecond();
        let mut joined = lock(&self.joined);
        joined.last = now.max(joined.last + 1);
        let at = joined.last;
        joined.at.insert(subscriber.connection, at);
        drop(joined);
        let leave = Some(Leave(Some(Box::new(left))));
        Heard { signals: self.local.join(subscriber), leave }.boxed()
    }

    /// To be called when it has left.
    pub(crate) fn forget(&self, connection: ConnectionId) {
        lock(&self.joined).at.remove(&connection);
    }

    fn joined_at(&self, connection: ConnectionId) -> i64 {
        lock(&self.joined).at.get(&connection).copied().unwrap_or(i64::MAX)
    }

    /// What others are to know of a connection.
    pub(crate) fn record(&self, subscriber: &Subscriber) -> Result<String, F> {
        Record::of(subscriber, self.joined_at(subscriber.connection)).encode()
    }

    /// Delivers it here, and puts it into the queue for elsewhere.
    pub(crate) fn send(
        &self,
        account: AccountId,
        message: &Message,
        done: Option<oneshot::Sender<Result<(), F>>>,
    ) -> Result<(), F> {
        let outgoing = Outgoing { account, message: message.encode::<F>(self.process)?, done };
        let _order = lock(&self.order);
        self.deliver(account, message);
        self.outbox.put(outgoing)
    }

    /// To the connections of this process.
    pub(crate) fn deliver(&self, account: AccountId, message: &Message) {
        match message {
            Message::Hint(from, hint) => self.local.deliver(account, *from, hint),
            Message::Close(session) => self.local.close(account, *session),
        }
    }

    /// Ends the connections of a session, or all. Returns when the word is out: whoever asks for it asks again
    /// if it is not.
    pub(crate) async fn close(&self, account: AccountId, session: Option<SessionId>) -> Result<(), F> {
        let (tell, told) = oneshot::channel();
        self.send(account, &Message::Close(session), Some(tell))?;
        self.answer(told, "a word that ends connections").await
    }

    /// What comes of something that somebody was asked for, if it comes in time.
    pub(crate) async fn answer(
        &self,
        told: oneshot::Receiver<Result<(), F>>,
        what: &'static str,
    ) -> Result<(), F> {
        match tokio::time::timeout(self.patience, told).await {
            Ok(told) => told.unwrap_or_else(|_| Err(F::lost())),
            Err(_) => Err(F::silent(self.patience, what)),
        }
    }

    /// These and those that are here, oldest first.
    pub(crate) fn with_those_here(
        &self,
        account: AccountId,
        elsewhere: Vec<(i64, Subscriber)>,
    ) -> Vec<Subscriber> {
        let mut all = elsewhere;
        let here = self.local.members(account);
        all.extend(here.into_iter().map(|member| (self.joined_at(member.connection), member)));
        all.sort_by_key(|(joined_at, subscriber)| (*joined_at, subscriber.connection));
        // A process that has just joined again is there twice for a moment.
        all.dedup_by_key(|(_, subscriber)| subscriber.connection);
        all.into_iter().map(|(_, subscriber)| subscriber).collect()
    }

    /// Whether anybody here asks for [`Self::deserted`].
    pub(crate) fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Relaxed)
    }

    /// Has a connection noted that nobody took leave of. Waits while the service is busy with those before.
    pub(crate) async fn note_deserted(&self, gone: Subscriber) -> Result<(), F> {
        self.deserted.send(gone).await.map_err(|_| F::lost())
    }

    /// The next of them.
    pub(crate) async fn deserted(&self) -> Subscriber {
        self.is_asked.store(true, Ordering::Relaxed);
        match self.told.lock().await.recv().await {
            Some(gone) => gone,
            // Cannot be: the other end is in the same place.
            None => std::future::pending().await,
        }
    }
}

/// What a connection hears, for as long as it listens.
struct Heard {
    // Dropped in this order: who says that it has left has left.
    signals: Signals,
    leave: Option<Leave>,
}

/// What is called once, when it is dropped.
struct Leave(Option<Box<dyn FnOnce() + Send>>);

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some(left) = self.0.take() {
            left();
        }
    }
}

impl Stream for Heard {
    type Item = Signal;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Signal>> {
        let heard = self.signals.poll_next_unpin(cx);
        if matches!(heard, Poll::Ready(Some(Signal::Close(_)) | None)) {
            self.leave = None;
        }
        heard
    }
}
