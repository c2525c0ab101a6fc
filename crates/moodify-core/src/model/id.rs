//! Identifiers: UUIDv7 (RFC 9562), so they sort by the time they were made.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Invalid;

/// A UUIDv7 of this millisecond with these random bits.
pub fn uuid_v7(now: Timestamp, random: &[u8; 10]) -> Uuid {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The identifier as a UUID.
            pub fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                // Only the canonical form: one thing has one name, in caches and logs too.
                Uuid::try_parse(text)
                    .ok()
                    .filter(|uuid| uuid.hyphenated().to_string() == text)
                    .map(Self)
                    .ok_or_else(|| Invalid::new("invalid_id", "This is not an identifier."))
            }
        }
    )*};
}

ids! {
    /// An account: listener or artist.
    AccountId;
    /// The public profile of an artist.
    ArtistId;
    /// A track.
    TrackId;
    /// A playlist.
    PlaylistId;
    /// One place in a playlist or play queue; a track may stand in several.
    EntryId;
    /// One log-in, and all the refresh tokens that descend from it.
    SessionId;
    /// An event; also the idempotency key of everything that follows from it.
    EventId;
    /// A server-side secret.
    KeyId;
    /// One stored object; never derived from anything a client sent.
    MediaId;
    /// A file on its way into the catalogue, part by part.
    UploadId;
    /// One socket of one device; a device that comes back gets another.
    ConnectionId;
}

impl AccountId {
    /// Of no account. In every store it is who "follows" an artist who is gone, so that rows which move from one
    /// to another keep their meaning.
    pub const NOBODY: Self = Self(Uuid::nil());
}
