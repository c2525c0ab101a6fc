//! What goes from process to process, and what is kept of connections.

use std::sync::Arc;
use std::time::Duration;

use moodify_core::model::{AccountId, ConnectionId, DeviceId, DevicePresence, PlaybackState, SessionId};
use moodify_core::port::{Hint, Subscriber};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::HubFault;

/// How long a process's name is, with the space behind it.
const HEAD: usize = uuid::fmt::Hyphenated::LENGTH + 1;

/// What one process tells the others of a listener.
#[derive(Debug, PartialEq)]
pub(crate) enum Message {
    /// To all connections but this one.
    Hint(ConnectionId, Hint),
    /// These connections end: those of a session, or all.
    Close(Option<SessionId>),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Written<'a> {
    State(ConnectionId, &'a PlaybackState),
    Presence(ConnectionId, &'a DevicePresence),
    Close(Option<SessionId>),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Read {
    State(ConnectionId, PlaybackState),
    Presence(ConnectionId, DevicePresence),
    Close(Option<SessionId>),
}

impl Message {
    /// With the name of the process in front: it need not read what it has written itself.
    pub(crate) fn encode<F: HubFault>(&self, process: Uuid) -> Result<Vec<u8>, F> {
        let written = match self {
            Self::Hint(from, Hint::State(state)) => Written::State(*from, state),
            Self::Hint(from, Hint::Presence(presence)) => Written::Presence(*from, presence),
            Self::Close(session) => Written::Close(*session),
        };
        let mut bytes = format!("{} ", process.hyphenated()).into_bytes();
        serde_json::to_writer(&mut bytes, &written).map_err(F::unwritable)?;
        Ok(bytes)
    }

    /// `None` if it is this process's own.
    pub(crate) fn decode<F: HubFault>(bytes: &[u8], process: Uuid) -> Result<Option<Self>, F> {
        let unreadable = || F::unreadable("a message");
        let (head, body) = bytes.split_at_checked(HEAD).ok_or_else(unreadable)?;
        let from = Uuid::try_parse_ascii(head.trim_ascii_end()).map_err(|_| unreadable())?;
        if from == process {
            return Ok(None);
        }
        Ok(Some(match serde_json::from_slice(body).map_err(|_| unreadable())? {
            Read::State(from, state) => Self::Hint(from, Hint::State(Arc::new(state))),
            Read::Presence(from, presence) => Self::Hint(from, Hint::Presence(Arc::new(presence))),
            Read::Close(session) => Self::Close(session),
        }))
    }
}

/// What the others know of a connection.
#[derive(Serialize, Deserialize)]
pub(crate) struct Record {
    connection: ConnectionId,
    session: SessionId,
    device: Option<DeviceId>,
    round_trip_us: u64,
    /// In microseconds since 1970, by the clock of its process.
    joined_us: i64,
}

impl Record {
    pub(crate) fn of(subscriber: &Subscriber, joined_us: i64) -> Self {
        Self {
            connection: subscriber.connection,
            session: subscriber.session,
            device: subscriber.device.clone(),
            round_trip_us: u64::try_from(subscriber.round_trip.as_micros()).unwrap_or(u64::MAX),
            joined_us,
        }
    }

    pub(crate) fn encode<F: HubFault>(&self) -> Result<String, F> {
        serde_json::to_string(self).map_err(F::unwritable)
    }

    /// When it joined, and what it is.
    pub(crate) fn decode<F: HubFault>(text: &str, account: AccountId) -> Result<(i64, Subscriber), F> {
        let record: Self = serde_json::from_str(text).map_err(|_| F::unreadable("a connection"))?;
        let Self { connection, session, device, round_trip_us, joined_us } = record;
        let round_trip = Duration::from_micros(round_trip_us);
        Ok((joined_us, Subscriber { connection, account, session, device, round_trip }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::plain_fault::Fault;

    #[test]
    fn a_process_skips_its_own_and_reads_the_others() {
        let [me, other, session] = [1, 2, 3].map(Uuid::from_u128);
        for close in [Some(session.into()), None] {
            let bytes = Message::Close(close).encode::<Fault>(me).unwrap();
            assert_eq!(Message::decode::<Fault>(&bytes, me), Ok(None));
            assert_eq!(Message::decode::<Fault>(&bytes, other), Ok(Some(Message::Close(close))));
        }
        for nonsense in [&b""[..], b"x", &[b' '; 60], "0189 \u{1f600}".as_bytes()] {
            assert!(Message::decode::<Fault>(nonsense, me).is_err(), "{nonsense:?}");
        }
    }
}
