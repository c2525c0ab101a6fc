//! What services tell each other; `docs/events.md` is the page for readers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    AccountId, ArtistId, ArtistName, DeviceId, Email, EventId, MailToken, MediaId, PersonName, PlayId, Role,
    SessionId, Title, TraceContext, TrackId, Visibility, trace,
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
    /// The place in a trace where it happened, if somebody traced it: what follows goes on there.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "trace::lenient")]
    pub trace: Option<TraceContext>,
    /// What happened: `kind` and `data`.
    #[serde(flatten)]
    pub payload: EventPayload,
}

impl Event {
    /// This happened, in the present version of its kind. Services use
    /// [`Context::event`](crate::service::Context::event), which knows the trace.
    pub fn new(
        id: EventId,
        occurred_at: Timestamp,
        trace: Option<TraceContext>,
        payload: EventPayload,
    ) -> Self {
        Self { id, occurred_at, version: EventVersion, trace, payload }
    }

    /// The same without the secret of a link, to be shown.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        match &mut self.payload {
            EventPayload::EmailVerificationRequested(requested) => requested.token = MailToken::redacted(),
            EventPayload::PasswordResetRequested(requested) => requested.token = MailToken::redacted(),
            _ => {}
        }
        self
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
    /// auth: what others may know of an account changed.
    AccountUpdated(AccountUpdated),
    /// auth: an account is gone, with all its sessions.
    AccountDeleted(AccountDeleted),
    /// auth: a user became an artist.
    RoleChanged(RoleChanged),
    /// auth: a session ended before its time; its sockets close.
    SessionRevoked(SessionRevoked),
    /// auth: the owner of a mailbox is to prove it.
    EmailVerificationRequested(EmailVerificationRequested),
    /// auth: somebody forgot a password.
    PasswordResetRequested(PasswordResetRequested),
    /// auth: the password of an account is another one.
    PasswordChanged(PasswordChanged),
    /// music: a track became playable.
    TrackPublished(TrackPublished),
    /// music: a track is public no more.
    TrackHidden(TrackHidden),
    /// music: a track is gone.
    TrackDeleted(TrackDeleted),
    /// music: a listener follows an artist.
    ArtistFollowed(ArtistFollowed),
    /// music: a listener follows an artist no more.
    ArtistUnfollowed(ArtistUnfollowed),
    /// notification: one follower is to hear of a release.
    ReleaseAnnounced(ReleaseAnnounced),
    /// sync: a device has played a track.
    PlayReported(PlayReported),
}

impl EventPayload {
    /// The kind of this payload.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::AccountCreated(_) => EventKind::AccountCreated,
            Self::AccountUpdated(_) => EventKind::AccountUpdated,
            Self::AccountDeleted(_) => EventKind::AccountDeleted,
            Self::RoleChanged(_) => EventKind::RoleChanged,
            Self::SessionRevoked(_) => EventKind::SessionRevoked,
            Self::EmailVerificationRequested(_) => EventKind::EmailVerificationRequested,
            Self::PasswordResetRequested(_) => EventKind::PasswordResetRequested,
            Self::PasswordChanged(_) => EventKind::PasswordChanged,
            Self::TrackPublished(_) => EventKind::TrackPublished,
            Self::TrackHidden(_) => EventKind::TrackHidden,
            Self::TrackDeleted(_) => EventKind::TrackDeleted,
            Self::ArtistFollowed(_) => EventKind::ArtistFollowed,
            Self::ArtistUnfollowed(_) => EventKind::ArtistUnfollowed,
            Self::ReleaseAnnounced(_) => EventKind::ReleaseAnnounced,
            Self::PlayReported(_) => EventKind::PlayReported,
        }
    }

    /// Whose doing or whose mail it is; `None` for what is told of tracks.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::AccountCreated(told) => Some(told.account_id),
            Self::AccountUpdated(told) => Some(told.account_id),
            Self::AccountDeleted(told) => Some(told.account_id),
            Self::RoleChanged(told) => Some(told.account_id),
            Self::SessionRevoked(told) => Some(told.account_id),
            Self::EmailVerificationRequested(told) => Some(told.account_id),
            Self::PasswordResetRequested(told) => Some(told.account_id),
            Self::PasswordChanged(told) => Some(told.account_id),
            Self::ArtistFollowed(told) => Some(told.account_id),
            Self::ArtistUnfollowed(told) => Some(told.account_id),
            Self::ReleaseAnnounced(told) => Some(told.account_id),
            Self::PlayReported(told) => Some(told.account_id),
            Self::TrackPublished(_) | Self::TrackHidden(_) | Self::TrackDeleted(_) => None,
        }
    }
}

/// The name of an event: the routing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// See [`AccountCreated`].
    AccountCreated,
    /// See [`AccountUpdated`].
    AccountUpdated,
    /// See [`AccountDeleted`].
    AccountDeleted,
    /// See [`RoleChanged`].
    RoleChanged,
    /// See [`SessionRevoked`].
    SessionRevoked,
    /// See [`EmailVerificationRequested`].
    EmailVerificationRequested,
    /// See [`PasswordResetRequested`].
    PasswordResetRequested,
    /// See [`PasswordChanged`].
    PasswordChanged,
    /// See [`TrackPublished`].
    TrackPublished,
    /// See [`TrackHidden`].
    TrackHidden,
    /// See [`TrackDeleted`].
    TrackDeleted,
    /// See [`ArtistFollowed`].
    ArtistFollowed,
    /// See [`ArtistUnfollowed`].
    ArtistUnfollowed,
    /// See [`ReleaseAnnounced`].
    ReleaseAnnounced,
    /// See [`PlayReported`].
    PlayReported,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::AccountCreated,
        Self::AccountUpdated,
        Self::AccountDeleted,
        Self::RoleChanged,
        Self::SessionRevoked,
        Self::EmailVerificationRequested,
        Self::PasswordResetRequested,
        Self::PasswordChanged,
        Self::TrackPublished,
        Self::TrackHidden,
        Self::TrackDeleted,
        Self::ArtistFollowed,
        Self::ArtistUnfollowed,
        Self::ReleaseAnnounced,
        Self::PlayReported,
    ];

    /// The name in databases, queues and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountCreated => "account_created",
            Self::AccountUpdated => "account_updated",
            Self::AccountDeleted => "account_deleted",
            Self::RoleChanged => "role_changed",
            Self::SessionRevoked => "session_revoked",
            Self::EmailVerificationRequested => "email_verification_requested",
            Self::PasswordResetRequested => "password_reset_requested",
            Self::PasswordChanged => "password_changed",
            Self::TrackPublished => "track_published",
            Self::TrackHidden => "track_hidden",
            Self::TrackDeleted => "track_deleted",
            Self::ArtistFollowed => "artist_followed",
            Self::ArtistUnfollowed => "artist_unfollowed",
            Self::ReleaseAnnounced => "release_announced",
            Self::PlayReported => "play_reported",
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
    /// The artist's public profile, when the role is artist; of older events it is not known.
    #[serde(default)]
    pub artist_id: Option<ArtistId>,
    /// The artist's name, when the role is artist.
    pub artist_name: Option<ArtistName>,
}

/// What others may know of an account changed: names, or whether the mailbox is proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountUpdated {
    /// The account.
    pub account_id: AccountId,
    /// Where mail reaches the owner.
    pub email: Email,
    /// Whether the owner has proved to read that mailbox.
    pub email_verified: bool,
    /// How to address the owner.
    pub first_name: PersonName,
    /// The artist's public profile, when the role is artist.
    pub artist_id: Option<ArtistId>,
    /// The artist's name, when the role is artist.
    pub artist_name: Option<ArtistName>,
}

/// An account is gone. Its sessions went with it, without events of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDeleted {
    /// The account.
    pub account_id: AccountId,
    /// The artist's public profile, when the role was artist.
    pub artist_id: Option<ArtistId>,
}

/// A user became an artist. Access tokens made before say otherwise, and run out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChanged {
    /// The account.
    pub account_id: AccountId,
    /// What it may do now.
    pub role: Role,
    /// The artist's public profile, when the role is artist.
    pub artist_id: Option<ArtistId>,
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

/// The owner of a mailbox is to prove it by following a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailVerificationRequested {
    /// The account.
    pub account_id: AccountId,
    /// The mailbox.
    pub email: Email,
    /// How to address the owner.
    pub first_name: PersonName,
    /// What the link must carry.
    pub token: MailToken,
    /// When the token stops working.
    pub expires_at: Timestamp,
}

/// Somebody forgot a password, or says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordResetRequested {
    /// The account.
    pub account_id: AccountId,
    /// Where mail reaches the owner.
    pub email: Email,
    /// How to address the owner.
    pub first_name: PersonName,
    /// What the link must carry.
    pub token: MailToken,
    /// When the token stops working.
    pub expires_at: Timestamp,
}

/// The password of an account is another one: its owner is told, in case it was somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordChanged {
    /// The account.
    pub account_id: AccountId,
    /// Where mail reaches the owner.
    pub email: Email,
    /// How to address the owner.
    pub first_name: PersonName,
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

/// A track that was public is so no more: it is private or unlisted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackHidden {
    /// The track.
    pub track_id: TrackId,
    /// Whose it is.
    pub artist_id: ArtistId,
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

/// A listener follows an artist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtistFollowed {
    /// The listener.
    pub account_id: AccountId,
    /// The artist.
    pub artist_id: ArtistId,
}

/// A listener follows an artist no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtistUnfollowed {
    /// The listener.
    pub account_id: AccountId,
    /// The artist.
    pub artist_id: ArtistId,
}

/// One follower is to hear of a release: one event a follower, so that each mail has its own
/// retries. Its id follows from the release and the follower.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseAnnounced {
    /// The follower.
    pub account_id: AccountId,
    /// The track.
    pub track_id: TrackId,
    /// Whose it is.
    pub artist_id: ArtistId,
    /// The artist's name.
    pub artist_name: ArtistName,
    /// The track's title.
    pub title: Title,
}

/// A device has played a track, for as long as it says; whether it counts is for the music service
/// to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayReported {
    /// The listener.
    pub account_id: AccountId,
    /// The track.
    pub track_id: TrackId,
    /// The idempotency key of the play.
    pub play_id: PlayId,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it was heard, in milliseconds.
    pub played_ms: u32,
    /// Which device played it.
    pub device_id: Option<DeviceId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_another_version_is_refused_and_one_of_a_broken_trace_is_not() {
        let id = uuid::Uuid::from_u128(1);
        let payload =
            EventPayload::SessionRevoked(SessionRevoked { account_id: id.into(), session_id: id.into() });
        let event = Event::new(id.into(), Timestamp::UNIX_EPOCH, None, payload);
        let mut json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["version"], 1);
        assert_eq!(serde_json::from_value::<Event>(json.clone()).unwrap(), event);
        for (given, kept) in [
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(), true),
            ("nonsense".into(), false),
            (7.into(), false),
            (serde_json::Value::Null, false),
        ] {
            json["trace"] = given;
            let read: Event = serde_json::from_value(json.clone()).unwrap();
            assert_eq!(read.trace.is_some(), kept, "{json}");
        }
        json["version"] = 2.into();
        let refused = serde_json::from_value::<Event>(json).unwrap_err();
        assert!(refused.to_string().contains("version 2"), "{refused}");
    }
}
