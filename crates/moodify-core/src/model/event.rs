//! What services tell each other; `docs/events.md` is the page for readers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    AccountId, ArtistId, ArtistName, Email, EventId, MediaId, PersonName, Role, SessionId, Title, TrackId,
    Visibility,
};

/// Something that happened, stored in the same atomic step as the change it tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Identifier, and the idempotency key of all that follows.
    pub id: EventId,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Which meaning the payload has.
    pub version: EventVersion,
    /// What happened: `kind` and `data`.
    #[serde(flatten)]
    pub payload: EventPayload,
}

impl Event {
    /// This happened, in the present version of its kind.
    pub fn new(id: EventId, occurred_at: Timestamp, payload: EventPayload) -> Self {
        Self { id, occurred_at, version: EventVersion, payload }
    }
}

/// The version of a payload: 1, for there is no other yet. An event of another version cannot be
/// read, and so is not misread by a process that is older than it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct EventVersion;

impl EventVersion {
    const NUMBER: u32 = 1;
}

impl From<EventVersion> for u32 {
    fn from(_: EventVersion) -> Self {
        EventVersion::NUMBER
    }
}

impl TryFrom<u32> for EventVersion {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        if number == Self::NUMBER { Ok(Self) } else { Err(format!("version {number} is not known here")) }
    }
}

/// What happened, with the data of its kind.
///
/// Fields may be added to a payload; a change that old consumers would misread is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum EventPayload {
    /// auth: somebody signed up.
    AccountCreated(AccountCreated),
    /// auth: a session ended before its time; its sockets close.
    SessionRevoked(SessionRevoked),
    /// music: a track became playable.
    TrackPublished(TrackPublished),
    /// music: a track is gone.
    TrackDeleted(TrackDeleted),
}

impl EventPayload {
    /// The kind of this payload.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::AccountCreated(_) => EventKind::AccountCreated,
            Self::SessionRevoked(_) => EventKind::SessionRevoked,
            Self::TrackPublished(_) => EventKind::TrackPublished,
            Self::TrackDeleted(_) => EventKind::TrackDeleted,
        }
    }
}

/// The name of an event: the routing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// See [`AccountCreated`].
    AccountCreated,
    /// See [`SessionRevoked`].
    SessionRevoked,
    /// See [`TrackPublished`].
    TrackPublished,
    /// See [`TrackDeleted`].
    TrackDeleted,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::AccountCreated, Self::SessionRevoked, Self::TrackPublished, Self::TrackDeleted];

    /// The name in databases, queues and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountCreated => "account_created",
            Self::SessionRevoked => "session_revoked",
            Self::TrackPublished => "track_published",
            Self::TrackDeleted => "track_deleted",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Somebody signed up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountCreated {
    /// The account.
    pub account_id: AccountId,
    /// Where mail reaches the owner.
    pub email: Email,
    /// How to address the owner.
    pub first_name: PersonName,
    /// What the account may do.
    pub role: Role,
    /// The artist's name, when the role is artist.
    pub artist_name: Option<ArtistName>,
}

/// A session ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRevoked {
    /// Whose session it was.
    pub account_id: AccountId,
    /// The session.
    pub session_id: SessionId,
}

/// A track became playable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackPublished {
    /// The track.
    pub track_id: TrackId,
    /// Whose it is.
    pub artist_id: ArtistId,
    /// The artist's name.
    pub artist_name: ArtistName,
    /// The track's title.
    pub title: Title,
    /// Who may find it.
    pub visibility: Visibility,
}

/// A track is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackDeleted {
    /// The track.
    pub track_id: TrackId,
    /// Whose it was.
    pub artist_id: ArtistId,
    /// Its audio, to be removed from the media store.
    pub audio: MediaId,
    /// Its cover, to be removed from the media store.
    pub cover: Option<MediaId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_another_version_is_refused() {
        let id = uuid::Uuid::from_u128(1);
        let payload =
            EventPayload::SessionRevoked(SessionRevoked { account_id: id.into(), session_id: id.into() });
        let event = Event::new(id.into(), Timestamp::UNIX_EPOCH, payload);
        let mut json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["version"], 1);
        assert_eq!(serde_json::from_value::<Event>(json.clone()).unwrap(), event);
        json["version"] = 2.into();
        let refused = serde_json::from_value::<Event>(json).unwrap_err();
        assert!(refused.to_string().contains("version 2"), "{refused}");
    }
}
