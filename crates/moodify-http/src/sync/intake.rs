//! Takes messages off the socket in the order they arrive.
//!
//! The library spawns a task for each event, so that handlers run out of order. This handler is
//! called before that, one message after the other, and puts them into the session's inbox. As they
//! came: a message that was read takes up to sixteen times as much, and may be one too many.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use moodify_core::model::Timestamp;
use moodify_core::port::Clock;
use moodify_core::service::playback::{Budget, Place, Refusal};
use serde::Serialize;
use serde_json::Value;
use socketioxide::SendError;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{AckSender, Event as EventName, TryData};
use socketioxide::handler::{FromMessageParts, MessageHandler, Value as Packet};
use socketioxide::socket::Socket;

use super::inbox::{Conduct, Inbox, NotKept};
use super::wire::{ClockAnswer, ClockProbe, Failure, OnlySeq, parse};

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
    pub payload: Payload,
    pub reply: Reply,
}

/// What a message says, as it came.
pub(super) struct Payload(Result<Packet, Failure>);

/// Where the acknowledgement of a message goes, if one is wanted.
///
/// The library's [`AckSender`] is used up even if there was no room for the answer; this can try
/// again.
pub(super) struct Reply {
    socket: Arc<Socket>,
    ack: Option<i64>,
}

/// What the handlers of one socket share.
pub(super) struct Desk {
    pub inbox: Inbox<Item>,
    pub conduct: Arc<Conduct>,
    /// The largest message that is looked at, in bytes.
    pub max_bytes: usize,
}

/// Puts messages into the inbox.
pub(super) struct Intake {
    pub desk: Arc<Desk>,
}

/// Answers `clock` at once: the two times are worth the more the closer they are to the wire.
pub(super) struct ClockIntake {
    pub clock: Arc<dyn Clock>,
    pub budget: Mutex<Budget>,
    pub place: Place,
    pub desk: Arc<Desk>,
}

/// Keeps these handlers apart from the library's own, which are generic over all functions.
pub(super) struct InOrder;

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

impl Payload {
    /// Reads it.
    pub(super) fn read(self, reply: &Reply) -> Result<Value, Failure> {
        let mut packet = self.0?;
        let Ok(TryData(payload)) =
            TryData::<Value>::from_message_parts(&reply.socket, &mut packet, &reply.ack);
        payload.map_err(|why| Failure::invalid(&why.to_string()))
    }

    /// The `seq` of a command that is not carried out: those after it need not wait for it.
    pub(super) fn seq(self, reply: &Reply) -> Option<u64> {
        let mut packet = self.0.ok()?;
        let Ok(TryData(only)) =
            TryData::<OnlySeq>::from_message_parts(&reply.socket, &mut packet, &reply.ack);
        only.ok()?.seq()
    }

    fn size(&self) -> usize {
        self.0.as_ref().map_or(0, size)
    }
}

/// With its attachments.
fn size(packet: &Packet) -> usize {
    match packet {
        Packet::Str(text, attached) => text.len() + attached.iter().flatten().map(Bytes::len).sum::<usize>(),
        Packet::Bytes(bytes) => bytes.len(),
    }
}

/// Its own copy: as it came, it keeps all that was read from the line together with it.
fn detached(packet: &Packet) -> Packet {
    let copied = |bytes: &Bytes| Bytes::copy_from_slice(bytes);
    match packet {
        Packet::Str(text, attached) => {
            let attached = attached.as_ref().map(|all| all.iter().map(copied).collect::<VecDeque<_>>());
            Packet::Str(text.to_string().into(), attached)
        }
        Packet::Bytes(bytes) => Packet::Bytes(copied(bytes)),
    }
}

impl Desk {
    fn take_in(&self, packet: &Packet) -> Payload {
        if size(packet) > self.max_bytes {
            let failure = Failure::new("message_too_large", "The message is too large.");
            return Payload(Err(failure));
        }
        Payload(Ok(detached(packet)))
    }

    fn refuse(&self, reply: &Reply) {
        self.conduct.refuse();
        reply.send_or_forget(&Failure::from(Refusal::RateLimited));
    }

    /// Whether nobody asks for what the socket says any more.
    fn is_closed(&self) -> bool {
        self.inbox.is_closed() || self.conduct.is_over()
    }
}

impl MessageHandler<LocalAdapter, InOrder> for Intake {
    fn call(&self, socket: Arc<Socket>, mut packet: Packet, ack: Option<i64>) {
        if self.desk.is_closed() {
            return;
        }
        let name = EventName::from_message_parts(&socket, &mut packet, &ack);
        let event = name.map_or(Event::Unknown, |EventName(name)| Event::named(&name));
        let (payload, reply) = (self.desk.take_in(&packet), Reply { socket, ack });
        let size = payload.size();
        let message = Box::new(Message { event, payload, reply });
        if let Err(NotKept::Full(Item::Message(message))) =
            self.desk.inbox.offer(Item::Message(message), size)
        {
            self.desk.refuse(&message.reply);
        }
    }
}

impl ClockIntake {
    fn spend(&self, now: Timestamp) -> bool {
        let spent = self.budget.lock().unwrap_or_else(PoisonError::into_inner).spend(now);
        spent && self.place.spend_message(now)
    }
}

impl MessageHandler<LocalAdapter, InOrder> for ClockIntake {
    fn call(&self, socket: Arc<Socket>, packet: Packet, ack: Option<i64>) {
        let received = self.clock.now();
        if self.desk.is_closed() {
            return;
        }
        let reply = Reply { socket, ack };
        if !self.spend(received) {
            return self.desk.refuse(&reply);
        }
        self.desk.conduct.accept();
        match self.desk.take_in(&packet).read(&reply).and_then(parse::<ClockProbe>) {
            Err(failure) => reply.send_or_forget(&failure),
            Ok(probe) => {
                if let Some(measured) = probe.round_trip() {
                    // If there is no room, the next probe brings it.
                    let _ = self.desk.inbox.offer(Item::RoundTrip(measured), 0);
                }
                let t0 = probe.t0;
                let (t1, t2) = (received.as_microsecond(), self.clock.now().as_microsecond());
                reply.send_or_forget(&ClockAnswer { t0, t1, t2 });
            }
        }
    }
}
