//! The channel on which a consumer is given its messages.

use std::future::{Future, ready};
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use lapin::message::{Delivery, DeliveryResult};
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, ConsumerDelegate};
use tokio::sync::Notify;

use super::error::Fault;
use super::session::Session;
use crate::hint::Hint;

/// What is open between a queue and its consumer. When it is dropped, the broker gives what was not
/// settled to others.
pub(super) struct Line {
    open: Open,
    queue: ShortString,
    consumer: lapin::Consumer,
    arrivals: Arc<Arrivals>,
    /// Set when the broker ends it.
    ended: Arc<AtomicBool>,
    /// How many messages the broker gives before one of them is settled.
    window: usize,
    hint: Hint,
}

/// A channel that ends with this. The driver itself keeps one that has a consumer for as long as its connection,
/// whoever drops it, and what the broker has given to it stays given.
struct Open {
    session: Arc<Session>,
    channel: Channel,
}

impl Drop for Open {
    fn drop(&mut self) {
        // Without a runtime the connection is at its end, and with it the channel.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.channel.status().connected() {
            let (session, channel) = (self.session.clone(), self.channel.clone());
            // It waits for the broker no longer than anything else does.
            runtime.spawn(async move { session.end(&channel).await });
        }
    }
}

/// What came and was not looked at yet, in its order.
#[derive(Default)]
struct Arrivals {
    messages: Mutex<Vec<Delivery>>,
    /// One more.
    came: Notify,
}

impl Arrivals {
    fn messages(&self) -> MutexGuard<'_, Vec<Delivery>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, message: Delivery) {
        self.messages().push(message);
        self.came.notify_one();
    }
}

/// Called by the driver with each message, in their order, before it reads what the broker says next: after
/// an answer on this channel, all that was sent before it has arrived.
struct Feed {
    arrivals: Arc<Arrivals>,
    ended: Arc<AtomicBool>,
    hint: Hint,
}

impl Feed {
    fn take(&self, result: DeliveryResult) {
        match result {
            Ok(Some(message)) => self.arrivals.push(message),
            Ok(None) | Err(_) => self.ended.store(true, Ordering::Release),
        }
        self.hint.give();
    }
}

impl ConsumerDelegate for Feed {
    fn on_new_delivery(&self, result: DeliveryResult) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.take(result);
        Box::pin(ready(()))
    }
}

impl Line {
    /// Has messages of this queue given to this process, so many at a time; `None` if there is no such
    /// queue.
    pub(super) async fn open(
        session: Arc<Session>,
        queue: ShortString,
        window: usize,
        hint: Hint,
    ) -> Result<Option<Self>, Fault> {
        let open = Open { channel: session.channel().await?, session };
        let arrivals = Arc::default();
        let consuming = consume(&open, &queue, window, &arrivals, &hint).await;
        let (consumer, ended) = match consuming {
            Ok(consuming) => consuming,
            Err(Fault::NoQueue) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        Ok(Some(Self { open, queue, consumer, arrivals, ended, window, hint }))
    }

    /// Whether messages still come.
    pub(super) fn is_open(&self) -> bool {
        self.open.channel.status().connected() && !self.ended.load(Ordering::Acquire)
    }

    /// Has at least so many messages given at a time.
    pub(super) async fn widen(&mut self, window: usize) -> Result<(), Fault> {
        if window <= self.window {
            return Ok(());
        }
        // Broken off in between, it has no consumer.
        self.ended.store(true, Ordering::Release);
        // What was given to the old consumer stays given.
        let Open { session, channel } = &self.open;
        let cancelled = channel.basic_cancel(self.consumer.tag(), BasicCancelOptions::default());
        session.within("cancel a consumer", cancelled).await?;
        self.window = window;
        (self.consumer, self.ended) =
            consume(&self.open, &self.queue, window, &self.arrivals, &self.hint).await?;
        Ok(())
    }

    /// How many messages stand in the queue that nobody has been given, told after all those have arrived
    /// that were given to this process by then.
    pub(super) async fn standing(&self) -> Result<Option<u32>, Fault> {
        let Open { session, channel } = &self.open;
        let standing = session.standing(channel, self.queue.clone()).await?;
        if standing.is_some() {
            // The first question is answered by the queue, past what it has sent on its way to the
            // channel; the second by the channel, after that.
            prefetch(session, channel, self.window).await?;
        }
        Ok(standing)
    }

    /// How many have arrived that nobody has looked at.
    pub(super) fn arrived(&self) -> usize {
        self.arrivals.messages().len()
    }

    /// Waits for another one, but not for long.
    pub(super) async fn wait(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.arrivals.came.notified()).await.is_ok()
    }

    /// What has arrived, in its order.
    pub(super) fn take(&mut self) -> Vec<Delivery> {
        // What came between the subscription and its delegate may have missed the latter.
        while let Some(Some(Ok(message))) = self.consumer.next().now_or_never() {
            self.arrivals.push(message);
        }
        mem::take(&mut *self.arrivals.messages())
    }
}

async fn consume(
    Open { session, channel }: &Open,
    queue: &ShortString,
    window: usize,
    arrivals: &Arc<Arrivals>,
    hint: &Hint,
) -> Result<(lapin::Consumer, Arc<AtomicBool>), Fault> {
    prefetch(session, channel, window).await?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let consuming = channel.basic_consume(queue.clone(), "".into(), options, arguments);
    let consumer = session.within("give messages", consuming).await?;
    let ended = Arc::new(AtomicBool::new(false));
    consumer.set_delegate(Feed { arrivals: arrivals.clone(), ended: ended.clone(), hint: hint.clone() });
    Ok((consumer, ended))
}

/// For consumers from now on; and a question that the channel itself answers.
async fn prefetch(session: &Session, channel: &Channel, window: usize) -> Result<(), Fault> {
    let window = u16::try_from(window).unwrap_or(u16::MAX);
    session.within("limit messages", channel.basic_qos(window, BasicQosOptions::default())).await
}
