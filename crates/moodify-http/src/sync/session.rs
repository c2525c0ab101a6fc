//! Serves one socket, from its admission to its end: everything it says and hears, one after the
//! other.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::StreamExt;
use moodify_core::Error;
use moodify_core::model::{Command, PlaybackState, Timestamp, later};
use moodify_core::port::{CloseReason, Hint, Measurement, Signal, Signals};
use moodify_core::service::playback::{Budget, CatchUp, Connection, Lane, Refusal, Turn};
use serde_json::Value;
use socketioxide::extract::SocketRef;
use socketioxide::{SendError, SocketError};
use tokio_util::{sync::CancellationToken, task::task_tracker::TaskTrackerToken};
use tracing::Instrument;

use super::handshake::Gate;
use super::inbox::{Conduct, Outlet};
use super::intake::{Event, Item, Message, Reply};
use super::seat;
use super::waiting::{dismiss, until, until_some};
use super::wire::{
    Answer, AuthRefresh, CommandMessage, Failure, Hello, Ready, ReportMessage, ResyncMessage, parse, seq_of,
    state_bytes,
};

/// How often, and how many times, a message is tried that finds the socket's buffer full. A burst
/// fills it for moments, the first of which are no longer than it takes to let the writer work; after
/// these it does not read.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);
const RETRIES: u8 = 100;
const QUICK_RETRIES: u8 = 8;

/// How many times a state is tried before a newer one may take its place: a device that keeps up hears
/// of every one.
const PATIENT_RETRIES: u8 = 10;

/// When a device that could not be brought up to date is tried again.
const CATCH_UP_AGAIN: Duration = Duration::from_secs(1);

/// One socket's state.
pub(super) struct Session {
    pub gate: Arc<Gate>,
    pub connection: Connection,
    pub signals: Signals,
    pub messages: Outlet<Item>,
    pub lane: Lane<Pending>,
    pub commands: Budget,
    pub others: Budget,
    pub conduct: Arc<Conduct>,
    /// What the device has not been told yet.
    pub held: Option<Held>,
    /// When it is brought up to date, because something may have been lost.
    pub missed: Option<Timestamp>,
    /// The socket is gone.
    pub gone: CancellationToken,
    pub _alive: TaskTrackerToken,
}

/// A command that waits for its turn, even if it is already clear that it will be refused: those
/// after it must not wait for it in vain.
pub(super) struct Pending {
    command: Result<Command, Failure>,
    reply: Reply,
}

/// The newest state; older ones are needless. It waits while the buffer is full, or the listener's
/// connections were sent as much as they may.
pub(super) struct Held {
    state: Arc<PlaybackState>,
    due: Timestamp,
    tries: u8,
    is_paid: bool,
}

/// A session that waits for its socket to be connected.
#[derive(Clone)]
pub(super) struct Parked(Arc<Mutex<Option<Box<Session>>>>);

impl Parked {
    pub(super) fn new(session: Session) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(session)))))
    }
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The socket is gone.
    Gone,
    /// The token has expired and no new one came.
    Expired,
    /// The session was revoked.
    Revoked,
    /// The device does not read.
    TooSlow,
    /// The device does not listen: it sends on and on what is refused.
    Flooding,
}

/// What happens next.
enum Step {
    End(End),
    Item(Item),
    Hint(Hint),
    Missed,
    Held,
    Overdue,
}

/// Serves a connected socket until it ends.
pub(super) async fn serve(socket: SocketRef) {
    let parked = socket.extensions.remove::<Parked>();
    let session = parked.and_then(|parked| parked.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    if let Some(session) = session {
        session.run(socket).await;
    }
}

impl Held {
    /// Also when the clock has stepped back.
    fn is_due(&self, now: Timestamp) -> bool {
        self.due <= now || self.due > later(now, RETRY_INTERVAL)
    }
}

impl Session {
    // In boxes is what an idle socket does not need: a task is as large as the largest thing it
    // may ever do, and most sockets are idle.
    async fn run(mut self: Box<Self>, socket: SocketRef) {
        let end = loop {
            let done = match self.step().await {
                Step::End(end) => Err(end),
                Step::Item(item) => Box::pin(self.item(item)).await,
                Step::Hint(Hint::State(state)) => {
                    self.hold(state);
                    self.hand_over(&socket).await
                }
                Step::Missed => Box::pin(self.catch_up(&socket)).await,
                Step::Held => self.hand_over(&socket).await,
                Step::Hint(Hint::Presence(presence)) => {
                    self.deliver(|| socket.emit("presence", &*presence)).await
                }
                Step::Overdue => {
                    let turns = self.lane.overdue(self.now());
                    Box::pin(self.take_turns(turns)).await
                }
            };
            if let Err(end) = done {
                break end;
            }
        };
        if end == End::Gone {
            Box::pin(self.finish()).await;
        }
        Box::pin(self.leave(end, &socket)).await;
    }

    async fn leave(self: Box<Self>, end: End, socket: &SocketRef) {
        let Self { gate, connection, signals, messages, lane, held, gone, _alive, .. } = *self;
        // They may hold much, and the farewell may take long.
        drop((messages, lane, held));
        seat::leave(socket, connection.place().clone());
        tracing::debug!(connection = %connection.subscriber().connection, ?end, "a socket ends");
        if let Err(error) = gate.playback.disconnect(connection, signals).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a device's leaving was not noted");
        }
        // That flood has cancelled the word that the socket is gone; it may be there.
        let gone = if end == End::Flooding { CancellationToken::new() } else { gone };
        if end != End::Gone {
            dismiss(socket, &gone, &*gate.playback.context().clock).await;
        }
    }

    /// What the device said before it went still counts, though nobody hears the answers.
    async fn finish(&mut self) {
        self.messages.close();
        while let Some(item) = self.messages.next().await {
            if self.item(item).await.is_err() {
                return;
            }
        }
    }

    async fn step(&mut self) -> Step {
        let clock = &*self.gate.playback.context().clock;
        let due = self.held.as_ref().map(|held| held.due);
        let is_patient = self.held.as_ref().is_some_and(|held| held.is_paid && held.tries < PATIENT_RETRIES);
        // Looked at beforehand: a timer that is made anew for each message would never ring.
        if self.held.as_ref().is_some_and(|held| held.is_due(clock.now())) && !self.gone.is_cancelled() {
            return Step::Held;
        }
        tokio::select! {
            biased;
            () = self.gone.cancelled() => Step::End(if self.conduct.is_over() { End::Flooding } else { End::Gone }),
            () = until(clock, self.connection.expires_at()) => Step::End(End::Expired),
            signal = self.signals.next(), if !is_patient => match signal {
                Some(Signal::Hint(hint)) => Step::Hint(hint),
                Some(Signal::Missed) => Step::Missed,
                Some(Signal::Close(CloseReason::SessionRevoked | CloseReason::AccountDeleted)) => Step::End(End::Revoked),
                // A hub that fell silent would leave the device without news: it has to come back.
                Some(Signal::Close(CloseReason::TooSlow)) | None => Step::End(End::TooSlow),
            },
            () = until_some(clock, self.lane.deadline()) => Step::Overdue,
            () = until_some(clock, due) => Step::Held,
            () = until_some(clock, self.missed) => Step::Missed,
            message = self.messages.next() => message.map_or(Step::End(End::Gone), Step::Item),
        }
    }

    async fn item(&mut self, item: Item) -> Result<(), End> {
        match item {
            Item::Message(message) => self.message(*message).await,
            Item::RoundTrip(measured) => {
                if let Err(error) = self.gate.playback.round_trip(&mut self.connection, measured).await {
                    tracing::debug!(%error, "a round trip was not noted; the next one is");
                }
                Ok(())
            }
        }
    }

    async fn message(&mut self, message: Message) -> Result<(), End> {
        let Message { event, payload, reply } = message;
        let is_allowed = self.spend(event);
        if event == Event::Command {
            let (seq, command) = if is_allowed {
                self.read_command(payload.read(&reply))
            } else {
                (payload.seq(&reply), Err(Refusal::RateLimited.into()))
            };
            let turns = self.lane.offer(seq, Pending { command, reply }, self.now());
            return self.take_turns(turns).await;
        }
        let answer = if is_allowed {
            self.answer(event, payload.read(&reply)).await.into()
        } else {
            Answer::Failure(Refusal::RateLimited.into())
        };
        self.reply(&reply, answer).await
    }

    /// Whether there is a message left for the device, and for its listener.
    fn spend(&mut self, event: Event) -> bool {
        let now = self.now();
        let budget = if event == Event::Command { &mut self.commands } else { &mut self.others };
        let is_allowed = budget.spend(now) && self.connection.place().spend_message(now);
        if is_allowed {
            self.conduct.accept();
        } else {
            self.conduct.refuse();
        }
        is_allowed
    }

    async fn reply(&mut self, reply: &Reply, answer: Answer) -> Result<(), End> {
        let bytes = answer.state_bytes();
        let is_paid = bytes == 0 || self.connection.place().spend_bytes(bytes, self.now());
        let answer = if is_paid { answer } else { answer.without_state() };
        self.deliver(|| reply.send(&answer)).await
    }

    fn hold(&mut self, state: Arc<PlaybackState>) {
        let now = self.now();
        match &mut self.held {
            Some(held) => held.state = state,
            None => self.held = Some(Held { state, due: now, tries: 0, is_paid: false }),
        }
    }

    /// Sends the state that is held, if it may be and there is room for it.
    async fn hand_over(&mut self, socket: &SocketRef) -> Result<(), End> {
        let now = self.now();
        let Some(held) = self.held.as_mut().filter(|held| held.is_due(now)) else { return Ok(()) };
        held.due = later(now, RETRY_INTERVAL);
        held.is_paid = held.is_paid || self.connection.place().spend_bytes(state_bytes(&held.state), now);
        if !held.is_paid {
            return Ok(());
        }
        let mut sent = socket.emit("state", &*held.state);
        for _ in 0..QUICK_RETRIES {
            if matches!(sent, Err(SendError::Socket(SocketError::InternalChannelFull))) {
                tokio::task::yield_now().await;
                sent = socket.emit("state", &*held.state);
            }
        }
        match sent {
            Err(SendError::Socket(SocketError::InternalChannelFull)) => {
                held.tries += 1;
                return if held.tries < RETRIES { Ok(()) } else { Err(End::TooSlow) };
            }
            Err(SendError::Serialize(error)) => tracing::error!(%error, "a state could not be written"),
            // That the socket is closed, `gone` says as well.
            Ok(()) | Err(SendError::Socket(SocketError::Closed)) => {}
        }
        self.held = None;
        Ok(())
    }

    /// Tells the device all that it may not have heard of.
    async fn catch_up(&mut self, socket: &SocketRef) -> Result<(), End> {
        self.missed = None;
        match self.gate.playback.catch_up(&self.connection).await {
            Ok(CatchUp { state, devices }) => {
                for presence in devices {
                    self.deliver(|| socket.emit("presence", &presence)).await?;
                }
                self.hold(Arc::new(state));
                self.hand_over(socket).await
            }
            Err(Error::Unauthenticated(_)) => Err(End::Revoked),
            Err(error) => {
                tracing::debug!(%error, "a device was not brought up to date; it is again");
                self.missed = Some(later(self.now(), CATCH_UP_AGAIN));
                Ok(())
            }
        }
    }

    async fn answer(&mut self, event: Event, payload: Result<Value, Failure>) -> Result<Answer, Failure> {
        let playback = &self.gate.playback;
        Ok(match event {
            Event::Hello => {
                let device = parse::<Hello>(payload?)?.into();
                playback.hello(&mut self.connection, device).await??.into()
            }
            Event::Resync => {
                let known = parse::<ResyncMessage>(payload?)?.known();
                playback.resync(&self.connection, known).await?.into()
            }
            Event::Report => {
                let report = parse::<ReportMessage>(payload?)?.into();
                Answer::Noted(playback.report(&self.connection, report).await?)
            }
            Event::Ready => {
                let Ready { command_id } = parse(payload?)?;
                Answer::ready(playback.ready(&self.connection, command_id.as_ref()).await??)
            }
            Event::AuthRefresh => {
                let AuthRefresh { token } = parse(payload?)?;
                let caller = self.gate.authenticator.authenticate(&token).await?;
                let session_expires_at = playback.auth_refresh(&mut self.connection, &caller).await??;
                Answer::Refreshed { session_expires_at }
            }
            Event::Command | Event::Unknown => {
                return Err(Failure::new("unknown_event", "This server does not know the event."));
            }
        })
    }

    fn read_command(&self, payload: Result<Value, Failure>) -> (Option<u64>, Result<Command, Failure>) {
        let seq = payload.as_ref().ok().and_then(seq_of);
        let command = payload.and_then(CommandMessage::parse).and_then(|mut message| {
            let operation = message.operation()?;
            let id = message.command_id.unwrap_or_else(|| self.gate.playback.context().new_id());
            Ok(Command { id, expect: message.expect, operation })
        });
        (seq, command)
    }

    async fn take_turns(&mut self, turns: Vec<Turn<Pending>>) -> Result<(), End> {
        for turn in turns {
            let (turn, Pending { command, reply }): (fn(Command) -> Turn<Command>, _) = match turn {
                Turn::Next(pending) => (Turn::Next, pending),
                Turn::Passed(pending) => (Turn::Passed, pending),
                Turn::Gap(pending) => (Turn::Gap, pending),
            };
            let answer = match command {
                Err(failure) => {
                    let measurement = Measurement::SyncCommand { outcome: failure.code };
                    self.gate.playback.context().record(measurement);
                    Answer::Failure(failure)
                }
                Ok(command) => self.apply(turn(command)).await,
            };
            self.reply(&reply, answer).await?;
        }
        Ok(())
    }

    /// What a command sets off, such as the play that it ends, goes on in its trace.
    async fn apply(&mut self, turn: Turn<Command>) -> Answer {
        let span = tracing::info_span!("command", otel.kind = "server");
        match self.gate.playback.command(&self.connection, turn).instrument(span).await {
            Ok(outcome) => outcome.into(),
            Err(error) => Answer::Failure(error.into()),
        }
    }

    /// Sends something, and waits a little if there is no room for it.
    async fn deliver(&mut self, send: impl Fn() -> Result<(), SendError>) -> Result<(), End> {
        for tries in 0..RETRIES {
            match send() {
                // That the socket is closed, `gone` says as well.
                Ok(()) | Err(SendError::Socket(SocketError::Closed)) => return Ok(()),
                Err(SendError::Serialize(error)) => {
                    tracing::error!(%error, "a message could not be written");
                    return Ok(());
                }
                Err(SendError::Socket(SocketError::InternalChannelFull)) => {}
            }
            if tries < QUICK_RETRIES {
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                () = self.gone.cancelled() => return Ok(()),
                () = self.gate.playback.context().clock.sleep(RETRY_INTERVAL) => {}
            }
        }
        Err(End::TooSlow)
    }

    fn now(&self) -> Timestamp {
        self.gate.playback.context().now()
    }
}
