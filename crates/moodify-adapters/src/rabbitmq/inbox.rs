//! What this process was given for one consumer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lapin::Acker;
use lapin::message::Delivery as Message;
use lapin::options::BasicAckOptions;
use moodify_core::model::{Event, EventId, Timestamp, is_due, later};
use moodify_core::port::{Delivery, DeliveryId};
use tokio::sync::Mutex;

use super::error::Fault;
use super::line::Line;
use super::message::{Incoming, Outgoing, Way, read, way};
use super::session::{Session, in_time};
use super::topology::Topology;
use crate::hint::Hint;

/// How long to wait for messages that the broker says are there: it gives them a moment after those
/// before them are settled. Others may be faster, so they need not come.
const SOON: Duration = Duration::from_millis(20);
const SOONER_OR_LATER: u32 = 50;

/// The messages of one consumer that are given to this process.
pub(super) struct Inbox {
    consumer: String,
    topology: Arc<Topology>,
    hint: Hint,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    line: Option<Line>,
    held: HashMap<EventId, Held>,
    /// Counts those that came.
    places: u64,
}

/// A message that is not settled.
pub(super) struct Held {
    event: Event,
    body: Vec<u8>,
    way: Way,
    pub(super) acker: Acker,
    /// Until when somebody has it, or it waits here; nobody had it yet if there is no such moment.
    leased_until: Option<Timestamp>,
    place: u64,
}

impl Held {
    /// Whether it may be handed out. Of one that is the broker's again, the next to come may.
    fn is_due(&self, now: Timestamp) -> bool {
        self.acker.usable() && self.leased_until.is_none_or(|until| is_due(until, now))
    }

    fn is_leased(&self) -> bool {
        self.acker.usable() && self.leased_until.is_some()
    }

    /// The same once more, on the way that this makes of the one so far.
    pub(super) fn copy(&self, queue: lapin::types::ShortString, change: impl FnOnce(&mut Way)) -> Outgoing {
        let mut way = Way { due: None, ..self.way.clone() };
        change(&mut way);
        Outgoing::copy(&self.event, self.body.clone(), queue, &way)
    }
}

impl Inbox {
    pub(super) fn new(consumer: &str, topology: Arc<Topology>, hint: Hint, timeout: Duration) -> Self {
        Self { consumer: consumer.to_owned(), topology, hint, timeout, state: Mutex::default() }
    }

    /// Tells the broker that a message is settled.
    pub(super) async fn settle(&self, acker: &Acker) -> Result<(), Fault> {
        let settled = acker.ack(BasicAckOptions::default());
        match in_time(self.timeout, "forget a message", settled).await? {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Fault::Lost),
        }
    }

    /// Up to `max` deliveries that are due; `None` if there is no such consumer.
    pub(super) async fn receive(
        &self,
        session: &Arc<Session>,
        max: usize,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<Vec<Delivery>>, Fault> {
        let state = &mut *self.state.lock().await;
        // Whoever had them when the connection broke has had its time.
        state.held.retain(|_, held| held.acker.usable() || !held.is_over(now));
        if max > 0 && state.due(now) < max && !self.fetch(state, session, max, now).await? {
            return Ok(None);
        }
        Ok(Some(state.hand_out(&self.consumer, max, now, lease)))
    }

    /// Fetches until so many are due or the queue is empty; `false` if there is no queue.
    async fn fetch(
        &self,
        state: &mut State,
        session: &Arc<Session>,
        max: usize,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        // Twice what is asked for: the next ones are here when these are done.
        let leased = state.held.values().filter(|held| held.is_leased()).count();
        let window = 2 * (leased + max);
        if state.line.as_ref().is_none_or(|line| !line.is_open()) {
            let (queue, hint) = (self.topology.due(&self.consumer), self.hint.clone());
            state.line = Line::open(session.clone(), queue, window, hint).await?;
        }
        for _ in 0..SOONER_OR_LATER {
            let Some(line) = &mut state.line else { return Ok(false) };
            line.widen(window).await?;
            let Some(standing) = line.standing().await? else {
                state.line = None;
                return Ok(false);
            };
            // What is taken out and not settled is for others if this ends half-way, by a fault or because nobody
            // waits for it any more: nobody here would know of it. So the line ends with it.
            let Some(mut line) = state.line.take() else { return Ok(false) };
            let arrived = line.take();
            self.sort(state, session, arrived, now).await?;
            let is_enough = standing == 0 || state.due(now) >= max;
            let line = state.line.insert(line);
            if is_enough {
                break;
            }
            line.wait(SOON).await;
        }
        Ok(true)
    }

    /// Keeps what is due, and sends on what is not.
    async fn sort(
        &self,
        state: &mut State,
        session: &Session,
        messages: Vec<Message>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let (mut again, mut done) = (Vec::new(), Vec::new());
        // Giving all of it back each time would count as a delivery, and be the death of messages in the end.
        let waits_here = session.is_held_up();
        for message in messages {
            match read(message) {
                Ok(incoming) => {
                    let due = incoming.way.due.filter(|due| !is_due(*due, now));
                    match due {
                        Some(due) if !waits_here => {
                            again.push(self.early(&incoming, due, now));
                            done.push(incoming.acker);
                        }
                        due => done.extend(state.keep(incoming, due)),
                    }
                }
                // Nobody's until this channel ends.
                Err(_) if waits_here => {}
                // Perhaps the newer version is started again; until then it is in nobody's way.
                Err(message) => {
                    let queue = self.topology.longest_wait(&self.consumer);
                    again.push(Outgoing::unread(&message, queue, &Way { death: None, ..way(&message) }));
                    done.push(message.acker);
                }
            }
        }
        session.deliver(&again).await?;
        for acker in done {
            self.settle(&acker).await?;
        }
        Ok(())
    }

    /// It has waited as long as one queue lets it; the rest it waits in another.
    fn early(&self, incoming: &Incoming, due: Timestamp, now: Timestamp) -> Outgoing {
        let left = Duration::try_from(due.duration_since(now)).unwrap_or_default();
        let queue = self.topology.wait_for(&self.consumer, left);
        Outgoing::copy(&incoming.event, incoming.body.clone(), queue, &incoming.way)
    }

    /// Takes a delivery out to settle it, if this is its newest attempt.
    pub(super) async fn take(&self, delivery: &DeliveryId) -> Option<Held> {
        let held = &mut self.state.lock().await.held;
        let newest = held.get(&delivery.event).is_some_and(|held| held.way.attempts == delivery.attempt);
        if newest { held.remove(&delivery.event) } else { None }
    }

    /// Puts back what could not be settled: it comes again when its lease ends. Something was heard of it.
    pub(super) async fn put_back(&self, mut held: Held) {
        held.way.silent = 0;
        self.state.lock().await.held.entry(held.event.id).or_insert(held);
    }

    /// How many messages are due that nobody has, here and in the queue; `None` if nothing comes here.
    pub(super) async fn waiting(&self) -> Result<Option<u64>, Fault> {
        let state = self.state.lock().await;
        let Some(line) = state.line.as_ref().filter(|line| line.is_open()) else { return Ok(None) };
        let fresh = state.held.values().filter(|held| held.acker.usable() && held.leased_until.is_none());
        let fresh = fresh.count();
        let mut last = None;
        // One may be on its way from there to here just then, and be in neither or in both.
        for _ in 0..SOONER_OR_LATER {
            let Some(standing) = line.standing().await? else { return Ok(None) };
            let now = (standing, line.arrived());
            if last == Some(now) {
                break;
            }
            last = Some(now);
        }
        Ok(last.map(|(standing, arrived)| u64::from(standing) + (arrived + fresh) as u64))
    }
}

impl Held {
    /// Whether nobody can have it any more.
    fn is_over(&self, now: Timestamp) -> bool {
        self.leased_until.is_none_or(|until| is_due(until, now))
    }
}

impl State {
    fn due(&self, now: Timestamp) -> usize {
        self.held.values().filter(|held| held.is_due(now)).count()
    }

    /// Keeps a message, for nobody before this moment; what has to be settled because of that comes back.
    fn keep(&mut self, incoming: Incoming, until: Option<Timestamp>) -> Option<Acker> {
        let Incoming { event, body, way, acker } = incoming;
        if let Some(held) = self.held.get_mut(&event.id) {
            if held.acker.usable() {
                // Published twice: one of them is enough.
                return Some(acker);
            }
            // The broker had it back for a moment; whoever has it may still settle it.
            held.acker = acker;
            return None;
        }
        self.places += 1;
        let held = Held { body, way, acker, leased_until: until, place: self.places, event };
        self.held.insert(held.event.id, held);
        None
    }

    fn hand_out(&mut self, consumer: &str, max: usize, now: Timestamp, lease: Duration) -> Vec<Delivery> {
        let mut due: Vec<&mut Held> = self.held.values_mut().filter(|held| held.is_due(now)).collect();
        due.sort_by_key(|held| held.place);
        let deliver = |held: &mut Held| {
            held.way.attempts = held.way.attempts.saturating_add(1);
            held.way.silent = held.way.silent.saturating_add(1);
            held.leased_until = Some(later(now, lease));
            Delivery {
                id: DeliveryId {
                    consumer: consumer.to_owned(),
                    event: held.event.id,
                    attempt: held.way.attempts,
                },
                event: held.event.clone(),
                failures: held.way.failures,
                silent: held.way.silent,
            }
        };
        due.into_iter().take(max).map(deliver).collect()
    }
}
