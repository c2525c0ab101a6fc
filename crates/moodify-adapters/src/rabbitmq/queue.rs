//! The port, on a broker.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use moodify_core::model::{Event, EventKind, Timestamp};
use moodify_core::port::{
    Chosen, Clock, Consumer, DeadLetter, Delivery, DeliveryId, Depth, Letters, Queue, QueueError, Unavailable,
};
use tokio::task::JoinHandle;

use super::RabbitConfig;
use super::error::Fault;
use super::inbox::Inbox;
use super::letters::Walk;
use super::link::{Link, ended};
use super::lock::alone;
use super::message::{Outgoing, Way};
use super::session::Session;
use super::topology::Topology;
use crate::backoff::Backoff;
use crate::hint::Hint;

/// The longest wait before the broker is tried again: events are kept meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A queue on a RabbitMQ broker.
pub struct RabbitQueue {
    shared: Arc<Shared>,
    supervisor: JoinHandle<()>,
}

struct Shared {
    config: RabbitConfig,
    clock: Arc<dyn Clock>,
    topology: Arc<Topology>,
    link: Link,
    hint: Hint,
    declared: Mutex<BTreeMap<&'static str, Declared>>,
    inboxes: Mutex<HashMap<String, Arc<Inbox>>>,
    /// What only one may do at a time in this process too.
    alone: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Declared {
    kinds: Vec<EventKind>,
    /// Whether the broker knows.
    done: bool,
}

impl RabbitQueue {
    /// Connects to the broker, and from then on whenever the connection is lost, for ever. A broker that is
    /// out of reach just now is no error: it is tried again and again.
    ///
    /// # Errors
    /// When nothing but another configuration helps: a wrong password, a virtual host that is not there,
    /// exchanges that were declared otherwise.
    pub async fn connect(config: RabbitConfig, clock: Arc<dyn Clock>) -> Result<Self, Unavailable> {
        let shared = Arc::new(Shared {
            topology: Arc::new(Topology::new(&config.prefix, &config.waits)),
            config,
            clock,
            link: Link::new(),
            hint: Hint::default(),
            declared: Mutex::default(),
            inboxes: Mutex::default(),
            alone: tokio::sync::Mutex::default(),
        });
        if let Err(fault) = shared.connect().await {
            if !fault.is_passing() {
                return Err(fault.into());
            }
            tracing::error!(error = %fault, "no connection to the broker; it is tried again, and events wait until then");
        }
        let supervisor = tokio::spawn(shared.clone().supervise());
        Ok(Self { shared, supervisor })
    }
}

impl Drop for RabbitQueue {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

impl Shared {
    /// Connects once; nobody uses the connection before what was declared is there.
    async fn connect(&self) -> Result<(), Fault> {
        let opened = async {
            let session = Arc::new(Session::open(&self.config).await?);
            let channel = session.channel().await?;
            self.topology.declare_exchanges(&session, &channel).await?;
            session.end(&channel).await;
            Ok(session)
        };
        let opened = opened.await;
        // What is declared meanwhile finds either this one or the connection.
        let _alone = self.alone.lock().await;
        let ready = match opened {
            Ok(session) => self.restore(&session, false).await.map(|()| session),
            Err(fault) => Err(fault),
        };
        let outcome = ready.as_ref().map(|_| ()).map_err(Fault::clone);
        let _ = self.link.set(ready);
        self.hint.give();
        outcome
    }

    /// Connects again whenever the connection ends, and never gives up.
    async fn supervise(self: Arc<Self>) {
        let mut backoff = Backoff::up_to(LONGEST_WAIT);
        loop {
            if let Ok(session) = self.link.session() {
                backoff.reset();
                ended(&session).await;
                // Of its two connections one may have ended alone. The next pair does not wait for that goodbye.
                tokio::spawn(async move { session.close().await });
                tracing::warn!("the connection to the broker has ended; events wait for the next one");
            }
            match self.connect().await {
                Ok(()) => tracing::info!("connected to the broker"),
                Err(error) => {
                    let wait = backoff.next();
                    tracing::error!(%error, ?wait, "no connection to the broker; it is tried again");
                    self.clock.sleep(wait).await;
                }
            }
        }
    }

    fn declared(&self) -> MutexGuard<'_, BTreeMap<&'static str, Declared>> {
        self.declared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inbox(&self, consumer: &str) -> Arc<Inbox> {
        let mut inboxes = self.inboxes.lock().unwrap_or_else(PoisonError::into_inner);
        let open =
            || Arc::new(Inbox::new(consumer, self.topology.clone(), self.hint.clone(), self.config.timeout));
        inboxes.entry(consumer.to_owned()).or_insert_with(open).clone()
    }

    /// Makes this known to the broker.
    async fn declare(&self, session: &Session, name: &'static str, kinds: &[EventKind]) -> Result<(), Fault> {
        let declaring = async {
            let channel = session.channel().await?;
            self.topology.declare_exchanges(session, &channel).await?;
            self.topology.declare_queues(session, &channel, name).await?;
            self.topology.bind(session, &channel, name, kinds).await?;
            session.end(&channel).await;
            Ok(())
        };
        alone(session, self.topology.lock(name), &*self.clock, declaring).await
    }

    /// Declares again what this process has declared and the broker does not have; all of it, if something
    /// is known to be missing. Nobody else may declare anything meanwhile.
    async fn restore(&self, session: &Session, all: bool) -> Result<(), Fault> {
        let declared = self.declared().clone();
        for (name, Declared { kinds, done }) in declared {
            let is_there = done && !all && self.is_there(session, name).await?;
            if !is_there {
                self.declare(session, name, &kinds).await?;
                if done {
                    tracing::warn!(
                        consumer = name,
                        "its queues were not all there; they were declared again"
                    );
                }
                if let Some(declared) = self.declared().get_mut(name) {
                    declared.done = true;
                }
            }
        }
        Ok(())
    }

    async fn is_there(&self, session: &Session, consumer: &str) -> Result<bool, Fault> {
        let channel = session.channel().await?;
        let is_there = session.standing(&channel, self.topology.due(consumer)).await?.is_some();
        if is_there {
            session.end(&channel).await;
        }
        Ok(is_there)
    }

    async fn publish(&self, events: &[Event]) -> Result<(), Fault> {
        let session = self.link.session()?;
        let outgoing = |event: &Event| {
            let kind = event.payload.kind();
            // Nobody else's consumers are known: an event without any is dropped, and the broker says nothing.
            let is_wanted = self.declared().values().any(|declared| declared.kinds.contains(&kind));
            Outgoing::event(event, self.topology.events(), is_wanted)
        };
        let messages = events.iter().map(outgoing).collect::<Result<Vec<_>, _>>()?;
        let returned = session.publish(&messages).await?;
        if returned.is_empty() {
            return Ok(());
        }
        {
            let _alone = self.alone.lock().await;
            self.restore(&session, true).await?;
        }
        let again = returned.iter().filter_map(|place| events.get(*place)).map(outgoing);
        let again = again.collect::<Result<Vec<_>, _>>()?;
        match session.publish(&again).await?.first().and_then(|place| returned.get(*place)) {
            None => Ok(()),
            Some(place) => {
                Err(Fault::Unroutable(events.get(*place).map_or("", |event| event.payload.kind().as_str())))
            }
        }
    }

    async fn receive(
        &self,
        consumer: &str,
        max: usize,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<Delivery>, Fault> {
        let session = self.link.session()?;
        let inbox = self.inbox(consumer);
        if let Some(deliveries) = inbox.receive(&session, max, now, lease).await? {
            return Ok(deliveries);
        }
        if !self.declared().contains_key(consumer) {
            return Ok(Vec::new());
        }
        // Somebody has deleted the queue.
        {
            let _alone = self.alone.lock().await;
            self.restore(&session, false).await?;
        }
        Ok(inbox.receive(&session, max, now, lease).await?.unwrap_or_default())
    }

    /// Sends a delivery that somebody holds to where it belongs now, and then settles it here. If the first
    /// fails it comes again when its lease ends; if the second, it is there twice for consumers that are
    /// idempotent.
    async fn send_on(
        &self,
        delivery: &DeliveryId,
        queue: lapin::types::ShortString,
        change: impl FnOnce(&mut Way),
    ) -> Result<(), Fault> {
        let inbox = self.inbox(&delivery.consumer);
        let Some(held) = inbox.take(delivery).await else { return Ok(()) };
        let sent = match self.link.session() {
            Ok(session) => session.deliver(&[held.copy(queue, change)]).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = sent {
            inbox.put_back(held).await;
            return Err(fault);
        }
        inbox.settle(&held.acker).await
    }

    /// Where a delivery waits until it is due.
    fn until(&self, consumer: &str, due: Timestamp) -> lapin::types::ShortString {
        let left = Duration::try_from(due.duration_since(self.clock.now())).unwrap_or_default();
        if left.is_zero() { self.topology.due(consumer) } else { self.topology.wait_for(consumer, left) }
    }

    /// Does something with the dead letters of a consumer, which nobody else sees meanwhile; `None` if there
    /// is no such consumer.
    async fn with_letters<T>(
        &self,
        consumer: &str,
        work: impl AsyncFnOnce(&mut Walk<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let session = self.link.session()?;
        let walking = async {
            let Some(mut walk) = Walk::begin(&session, &self.topology, consumer).await? else {
                return Ok(None);
            };
            let done = work(&mut walk).await;
            walk.end().await?;
            done.map(Some)
        };
        let _alone = self.alone.lock().await;
        alone(&session, self.topology.lock(consumer), &*self.clock, walking).await
    }

    async fn depth(&self, consumer: &str) -> Result<Option<Depth>, Fault> {
        let session = self.link.session()?;
        let channel = session.channel().await?;
        let standing =
            async |queue| session.standing(&channel, queue).await.map(|count| count.map(u64::from));
        let due = match self.inbox(consumer).waiting().await? {
            Some(waiting) => Some(waiting),
            None => standing(self.topology.due(consumer)).await?,
        };
        let Some(mut waiting) = due else { return Ok(None) };
        for queue in self.topology.waiting(consumer) {
            waiting += standing(queue).await?.unwrap_or_default();
        }
        let dead = standing(self.topology.dead(consumer)).await?.unwrap_or_default();
        session.end(&channel).await;
        Ok(Some(Depth { waiting, dead }))
    }
}

#[async_trait]
impl Queue for RabbitQueue {
    /// A broker that is out of reach just now hears of it before anything else.
    async fn declare(&self, consumer: &Consumer) -> Result<(), QueueError> {
        let shared = &self.shared;
        let _alone = shared.alone.lock().await;
        let declared = Declared { kinds: consumer.kinds.clone(), done: false };
        shared.declared().insert(consumer.name, declared);
        let done = match shared.link.session() {
            Ok(session) => shared.declare(&session, consumer.name, &consumer.kinds).await,
            Err(fault) => Err(fault),
        };
        match done {
            Ok(()) => {
                if let Some(declared) = shared.declared().get_mut(consumer.name) {
                    declared.done = true;
                }
                Ok(())
            }
            Err(fault) if fault.is_passing() && shared.link.session().is_err() => {
                tracing::warn!(consumer = consumer.name, error = %fault, "declared as soon as the broker is reached");
                Ok(())
            }
            Err(fault) => Err(fault.into()),
        }
    }

    async fn publish(&self, event: &Event, now: Timestamp) -> Result<(), QueueError> {
        self.publish_all(std::slice::from_ref(event), now).await
    }

    /// One round trip for all of them. After an error, some may be there.
    async fn publish_all(&self, events: &[Event], _now: Timestamp) -> Result<(), QueueError> {
        Ok(self.shared.publish(events).await?)
    }

    async fn receive(
        &self,
        consumer: &str,
        max: usize,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        Ok(self.shared.receive(consumer, max, now, lease).await?)
    }

    async fn ack(&self, delivery: &DeliveryId) -> Result<(), QueueError> {
        let inbox = self.shared.inbox(&delivery.consumer);
        match inbox.take(delivery).await {
            Some(held) => Ok(inbox.settle(&held.acker).await?),
            None => Ok(()),
        }
    }

    async fn retry(&self, delivery: &DeliveryId, due: Timestamp, reason: &str) -> Result<(), QueueError> {
        tracing::debug!(consumer = delivery.consumer, event = %delivery.event, reason, "delivered again later");
        let queue = self.shared.until(&delivery.consumer, due);
        let change = |way: &mut Way| {
            way.failures = way.failures.saturating_add(1);
            (way.silent, way.due) = (0, Some(due));
        };
        Ok(self.shared.send_on(delivery, queue, change).await?)
    }

    async fn postpone(&self, delivery: &DeliveryId, due: Timestamp) -> Result<(), QueueError> {
        let queue = self.shared.until(&delivery.consumer, due);
        Ok(self.shared.send_on(delivery, queue, |way| (way.silent, way.due) = (0, Some(due))).await?)
    }

    async fn dead_letter(
        &self,
        delivery: &DeliveryId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let queue = self.shared.topology.dead(&delivery.consumer);
        let death = Some((reason.to_owned(), now));
        Ok(self.shared.send_on(delivery, queue, |way| way.death = death).await?)
    }

    async fn dead_letters(&self, consumer: &str, max: usize) -> Result<Vec<DeadLetter>, QueueError> {
        let letters = self.shared.with_letters(consumer, async |walk| Ok(walk.read())).await?;
        let mut letters = letters.unwrap_or_default();
        letters.truncate(max);
        Ok(letters)
    }

    async fn depth(&self, consumer: &str) -> Result<Depth, QueueError> {
        Ok(self.shared.depth(consumer).await?.unwrap_or_default())
    }

    async fn replay(&self, consumer: &str, letters: Letters, _now: Timestamp) -> Result<u64, QueueError> {
        let replayed = self.shared.with_letters(consumer, async |walk| walk.replay(letters).await).await?;
        Ok(replayed.unwrap_or_default())
    }

    async fn discard(&self, consumer: &str, letters: Letters) -> Result<u64, QueueError> {
        let discarded = self.shared.with_letters(consumer, async |walk| walk.discard(letters).await).await?;
        Ok(discarded.unwrap_or_default())
    }

    async fn discard_chosen(&self, consumer: &str, chosen: Chosen<'_>) -> Result<u64, QueueError> {
        let discarded =
            self.shared.with_letters(consumer, async |walk| walk.discard_chosen(chosen).await).await?;
        Ok(discarded.unwrap_or_default())
    }

    /// What is settled is not remembered.
    async fn forget(&self, _published_before: Timestamp, _max: usize) -> Result<u64, QueueError> {
        Ok(0)
    }

    async fn changed(&self) {
        self.shared.hint.given().await;
    }

    /// Sends a message through the broker and takes it back.
    async fn check(&self) -> Result<(), QueueError> {
        let session = self.shared.link.session()?;
        Ok(session.round_trip().await?)
    }

    /// What is not settled is for others from now on.
    async fn close(&self) {
        self.supervisor.abort();
        if let Ok(session) = self.shared.link.set(Err(Fault::Lost)) {
            session.close().await;
        }
    }
}
