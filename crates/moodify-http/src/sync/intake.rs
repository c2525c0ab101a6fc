//! Takes messages off the socket in the order they arrive.
//!
//! The library spawns a task for each event, so that handlers run out of order. This handler is
//! called before that, one message after the other, and puts them into the session's queue.

use std::sync::{Arc, Mutex, PoisonError};

use moodify_core::port::Clock;
use moodify_core::service::playback::{Budget, Refusal};
use serde_json::Value;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{AckSender, TryData};
use socketioxide::handler::{FromMessageParts, MessageHandler, Value as Packet};
use socketioxide::socket::Socket;
use tokio::sync::mpsc;

use super::wire::{ClockAnswer, ClockProbe, Failure, parse};

/// How many messages wait for the session: a second's worth of commands and of other messages fit.
pub(super) const QUEUE: usize = 256;

/// What a device can say, `clock` aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Hello,
    Command,
    Resync,
    AuthRefresh,
    Unknown,
}

/// A message on its way to the session.
pub(super) struct Message {
    pub event: Event,
    pub payload: Result<Value, Failure>,
    pub ack: AckSender,
}

/// Puts messages of one event into the queue.
pub(super) struct Intake {
    pub event: Event,
    pub queue: mpsc::Sender<Box<Message>>,
}

/// Answers `clock` at once: the two times are worth the more the closer they are to the wire.
pub(super) struct ClockIntake {
    pub clock: Arc<dyn Clock>,
    pub budget: Mutex<Budget>,
}

/// Keeps these handlers apart from the library's own, which are generic over all functions.
pub(super) struct InOrder;

fn read(socket: &Arc<Socket>, packet: &mut Packet, ack: Option<i64>) -> (Result<Value, Failure>, AckSender) {
    let Ok(TryData(payload)) = TryData::<Value>::from_message_parts(socket, packet, &ack);
    let Ok(ack) = AckSender::from_message_parts(socket, packet, &ack);
    (payload.map_err(|why| Failure::invalid(&why.to_string())), ack)
}

/// A device that is gone needs no answer, and one that does not read is found out by the session.
fn refuse(ack: AckSender, why: impl Into<Failure>) {
    if let Err(error) = ack.send(&why.into()) {
        tracing::debug!(%error, "a refusal could not be told");
    }
}

impl MessageHandler<LocalAdapter, InOrder> for Intake {
    fn call(&self, socket: Arc<Socket>, mut packet: Packet, ack: Option<i64>) {
        let (payload, ack) = read(&socket, &mut packet, ack);
        let message = Box::new(Message { event: self.event, payload, ack });
        if let Err(mpsc::error::TrySendError::Full(message)) = self.queue.try_send(message) {
            refuse(message.ack, Refusal::RateLimited);
        }
    }
}

impl MessageHandler<LocalAdapter, InOrder> for ClockIntake {
    fn call(&self, socket: Arc<Socket>, mut packet: Packet, ack: Option<i64>) {
        let received = self.clock.now();
        let (payload, ack) = read(&socket, &mut packet, ack);
        if !self.budget.lock().unwrap_or_else(PoisonError::into_inner).spend(received) {
            return refuse(ack, Refusal::RateLimited);
        }
        match payload.and_then(parse::<ClockProbe>) {
            Err(failure) => refuse(ack, failure),
            Ok(ClockProbe { t0 }) => {
                let (t1, t2) = (received.as_microsecond(), self.clock.now().as_microsecond());
                if let Err(error) = ack.send(&ClockAnswer { t0, t1, t2 }) {
                    tracing::debug!(%error, "the time could not be told");
                }
            }
        }
    }
}
