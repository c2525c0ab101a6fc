//! What Moodify needs from the outside: one trait a file, with its contract written on it.
//!
//! Every trait is object-safe and used as `Arc<dyn Port>`: the technology is chosen at run time.
//! Each has one closed error enum; a driver's own error travels only as a boxed source inside
//! [`Unavailable`]. The suites in [`crate::conformance`] (feature `conformance`) hold an adapter to
//! what is written here.

mod catalog_store;
mod clock;
mod error;
mod identity_provider;
mod key_store;
mod library_store;
mod listener_catalog;
mod mailer;
mod media_probe;
mod media_signer;
mod media_store;
mod meter;
mod outbox;
mod playback_archive;
mod playback_store;
mod published_keys;
mod queue;
mod recipient_store;
mod rng;
mod send_log;
mod sync_hub;
mod tracer;
mod upload_store;
mod user_store;

pub use catalog_store::{
    CatalogError, CatalogStore, EntryPlace, EntryPosition, PlaylistPosition, TrackPosition,
};
pub use clock::Clock;
pub use error::{BoxError, Unavailable};
pub use identity_provider::{
    Authorization, IdentityError, IdentityProvider, PendingSignIn, VerifiedIdentity,
};
pub use key_store::{KeyStore, KeyStoreError};
pub use library_store::{
    ArtistPosition, ChangePage, Ended, FollowPosition, HistoryPosition, LibraryError, LibraryStore,
    LikePosition,
};
pub use listener_catalog::{ListenerCatalog, ListenerPlaylist};
pub use mailer::{LateAnswer, MailError, Mailer};
pub use media_probe::{
    AudioInfo, AudioTags, CoverImage, MediaProbe, ProbeError, ProbedAudio, ProbedCover, Rejection,
    StagedMedia,
};
pub use media_signer::{MediaSigner, SignError, SignedPut, SignedUrl};
pub use media_store::{ByteRange, MediaError, MediaMeta, MediaObject, MediaStore};
pub use meter::{DeliveryOutcome, Measurement, Meter};
pub use outbox::{Backlog, Outbox, OutboxError};
pub use playback_archive::{PlaybackArchive, Recalled, Saved};
pub use playback_store::{COMMAND_MEMORY, COMMAND_MEMORY_MAX, PlaybackStore, PlaybackStoreError};
pub use published_keys::{PublishedKey, PublishedKeys, PublishedKeysError};
pub use queue::{Chosen, Consumer, DeadLetter, Delivery, DeliveryId, Depth, Letters, Queue, QueueError};
pub use recipient_store::{RecipientStore, RecipientStoreError};
pub use rng::Rng;
pub use send_log::{Claim, SendLog, SendLogError};
pub use sync_hub::{
    CloseReason, Hint, MAX_BACKLOG, MIN_BACKLOG, Signal, Signals, Subscriber, SyncHub, SyncHubError,
};
pub use tracer::Tracer;
pub use upload_store::{UploadStore, UploadStoreError};
pub use user_store::{Revoked, UserStore, UserStoreError};
