//! Takes messages off the socket in the order they arrive.
//!
//! The library spawns a task for each event, so that handlers run out of order. This handler is
//! called before that, one message after the other, and puts them into the session's queue.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use moodify_core::port::Clock;
use moodify_core::service::playback::{Budget, Refusal};
use serde::Serialize;
use serde_json::Value;
use socketioxide::SendError;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{AckSender, Event as EventName, TryData};
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
    Report,
    Ready,
    AuthRefresh,
    Unknown,
}

impl Event {
    fn named(name: &str) -> Self {
        match name {
            "hello" => Self::Hello,
            "command" => Self::Command,
            "resync" => Self::Resync,
            "report" => Self::Report,
            "ready" => Self::Ready,
            "auth_refresh" => Self::AuthRefresh,
            _ => Self::Unknown,
        }
    }
}

/// What waits for the session.
pub(super) enum Item {
    /// A device said something.
    Message(Box<Message>),
    /// A device has measured how long a message takes to it and back.
    RoundTrip(Duration),
}

/// A message on its way to the session.
pub(super) struct Message {
    pub event: Event,
    pub payload: Result<Value, Failure>,
    pub reply: Reply,
}

/// Where the acknowledgement of a message goes, if one is wanted.
///
/// The library's [`AckSender`] is used up even if there was no room for the answer; this can try
/// again.
pub(super) struct Reply {
    socket: Arc<Socket>,
    ack: Option<i64>,
}

impl Reply {
    pub(super) fn send<T: Serialize>(&self, answer: &T) -> Result<(), SendError> {
        // A sender is made of the socket and the number alone.
        let mut no_packet = Packet::Bytes(Bytes::new());
        let Ok(sender) = AckSender::from_message_parts(&self.socket, &mut no_packet, &self.ack);
        sender.send(answer)
    }

    /// A device that is gone needs no answer; one that does not read is found out by the session.
    fn send_or_forget<T: Serialize>(&self, answer: &T) {
        if let Err(error) = self.send(answer) {
            tracing::debug!(%error, "an answer could not be sent");
        }
    }
}

/// Puts messages into the queue.
pub(super) struct Intake {
    pub queue: mpsc::Sender<Item>,
    /// The largest message that is looked at, in bytes.
    pub max_bytes: usize,
}

/// Answers `clock` at once: the two times are worth the more the closer they are to the wire.
pub(super) struct ClockIntake {
    pub clock: Arc<dyn Clock>,
    pub budget: Mutex<Budget>,
    pub queue: mpsc::Sender<Item>,
}

/// Keeps these handlers apart from the library's own, which are generic over all functions.
pub(super) struct InOrder;

fn size(packet: &Packet) -> usize {
    match packet {
        Packet::Str(text, _) => text.len(),
        Packet::Bytes(bytes) => bytes.len(),
    }
}

fn read(socket: Arc<Socket>, mut packet: Packet, ack: Option<i64>) -> (Result<Value, Failure>, Reply) {
    let Ok(TryData(payload)) = TryData::<Value>::from_message_parts(&socket, &mut packet, &ack);
    (payload.map_err(|why| Failure::invalid(&why.to_string())), Reply { socket, ack })
}

impl MessageHandler<LocalAdapter, InOrder> for Intake {
    fn call(&self, socket: Arc<Socket>, mut packet: Packet, ack: Option<i64>) {
        let name = EventName::from_message_parts(&socket, &mut packet, &ack);
        let event = name.map_or(Event::Unknown, |EventName(name)| Event::named(&name));
        let is_too_large = size(&packet) > self.max_bytes;
        let (payload, reply) = if is_too_large {
            let failure = Failure::new("message_too_large", "The message is too large.");
            (Err(failure), Reply { socket, ack })
        } else {
            read(socket, packet, ack)
        };
        let message = Box::new(Message { event, payload, reply });
        let refused = self.queue.try_send(Item::Message(message));
        if let Err(mpsc::error::TrySendError::Full(Item::Message(message))) = refused {
            message.reply.send_or_forget(&Failure::from(Refusal::RateLimited));
        }
    }
}

impl MessageHandler<LocalAdapter, InOrder> for ClockIntake {
    fn call(&self, socket: Arc<Socket>, packet: Packet, ack: Option<i64>) {
        let received = self.clock.now();
        let (payload, reply) = read(socket, packet, ack);
        if !self.budget.lock().unwrap_or_else(PoisonError::into_inner).spend(received) {
            return reply.send_or_forget(&Failure::from(Refusal::RateLimited));
        }
        match payload.and_then(parse::<ClockProbe>) {
            Err(failure) => reply.send_or_forget(&failure),
            Ok(probe) => {
                if let Some(measured) = probe.round_trip() {
                    // If there is no room, the next probe brings it.
                    let _ = self.queue.try_send(Item::RoundTrip(measured));
                }
                let t0 = probe.t0;
                let (t1, t2) = (received.as_microsecond(), self.clock.now().as_microsecond());
                reply.send_or_forget(&ClockAnswer { t0, t1, t2 });
            }
        }
    }
}
