//! Adapters that keep everything in memory: for tests, demonstrations and the first minutes of an
//! embedder. They pass the same suites as the real ones; a restart forgets everything.

mod catalog_store;
mod clock;
mod feeds;
mod hint;
mod identity_provider;
mod key_store;
mod library_store;
mod listener;
mod listener_catalog;
mod mailer;
mod media_store;
mod outbox;
mod playback_store;
mod queue;
mod recipient_store;
mod rng;
mod send_log;
mod silent;
mod store;
mod sync_hub;
mod upload_store;
mod user_store;
mod write_behind;

pub use clock::{FixedClock, SystemClock};
pub use identity_provider::MemoryIdentityProvider;
pub use mailer::MemoryMailer;
pub use media_store::MemoryMediaStore;
pub use playback_store::MemoryPlaybackStore;
pub use queue::MemoryQueue;
pub use rng::{SeededRng, SystemRng};
pub use silent::Silent;
pub use store::MemoryStore;
pub use sync_hub::LocalSyncHub;
pub use write_behind::WriteBehindPlaybackStore;
