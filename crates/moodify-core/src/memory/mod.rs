//! Adapters that keep everything in memory: for tests, demonstrations and the first minutes of an
//! embedder. They pass the same suites as the real ones; a restart forgets everything.

mod clock;
mod playback_store;
mod rng;
mod sync_hub;

pub use clock::{FixedClock, SystemClock};
pub use playback_store::MemoryPlaybackStore;
pub use rng::{SeededRng, SystemRng};
pub use sync_hub::LocalSyncHub;
