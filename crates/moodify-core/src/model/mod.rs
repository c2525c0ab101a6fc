//! What things are: plain, validated values. Nothing here does I/O or knows the time.

pub mod account;
pub mod artist;
pub mod day;
pub mod device;
pub mod direct_upload;
pub mod email;
pub mod event;
pub mod id;
pub mod identity;
pub mod invalid;
pub mod key;
pub mod library;
pub mod link;
pub mod mail;
pub mod media;
pub mod moment;
pub mod network;
mod opaque;
pub mod page;
pub mod password;
pub mod play;
pub mod play_queue;
pub mod playback;
pub mod playback_command;
pub mod playlist;
pub mod rank;
pub mod recipient;
pub mod search;
pub mod session;
pub mod stats;
pub mod tally;
pub mod text;
pub mod token;
pub mod trace;
pub mod track;

pub use account::{Account, AccountUpdate, Credentials, NewAccount, PasswordChange, Role};
pub use artist::Artist;
pub use day::Day;
pub use device::{Capabilities, Capability, Device, DeviceId, DeviceKind, DevicePresence, KnownDevice};
pub use direct_upload::{AnnouncedCover, DirectUpload, PictureKind, Refusal, UploadPart, UploadStatus};
pub use email::Email;
pub use event::{Event, EventKind, EventPayload, EventVersion};
pub use id::{
    AccountId, ArtistId, ConnectionId, EntryId, EventId, KeyId, MediaId, PlaylistId, SessionId, TrackId,
    UploadId,
};
pub use identity::Identity;
pub use invalid::{FieldError, Invalid};
pub use jiff::{SignedDuration, Timestamp};
pub use key::{KeyPurpose, StoredKey};
pub use library::{
    ArtistSummary, FollowedArtist, HistoryEntry, Kept, LibraryChange, LibraryItem, LikedTrack,
};
pub use link::LinkTemplate;
pub use mail::{Mail, MailKind, Mailbox, MessageId};
pub use media::{ByteStream, ContentType, CoverSize, MediaKey};
pub use moment::{CLOCKS_APART, LONGEST_WAIT, earlier, is_due, is_due_within, later};
pub use network::ClientNetwork;
pub use page::{Page, PageSize};
pub use password::{Password, PasswordHash};
pub use play::{PlayId, PlayReport};
pub use play_queue::{PlayQueue, QueueEntry};
pub use playback::{
    Cause, CommandId, Epoch, PlaybackMode, PlaybackState, PlaybackVersion, PositionMs, Rate, Repeat,
    Transfer, Volume,
};
pub use playback_command::{AppliedCommand, Command, Operation, PlayWhat, QueuePosition};
pub use playlist::{Playlist, PlaylistChange, PlaylistEntry};
pub use rank::Rank;
pub use recipient::Recipient;
pub use session::{EndedSessions, Session, TokenHash, UserAgent};
pub use stats::{ArtistRecord, DayRecord, TrackRecord};
pub use tally::{LogInSubject, LogInTally, TallyRule};
pub use text::{ArtistName, Description, DeviceName, Genre, PersonName, Title};
pub use token::{AccessClaims, Caller, MailToken, MailTokenPurpose, StoredMailToken};
pub use trace::TraceContext;
pub use track::{Track, TrackChange, TrackFilter, TrackSort, TrackStatus, Visibility};
