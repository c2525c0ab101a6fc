//! Adapters that keep everything in memory: for tests, demonstrations and the first minutes of an
//! embedder. They pass the same suites as the real ones; a restart forgets everything.

mod catalog_store;
mod clock;
mod hint;
mod key_store;
mod outbox;
mod queue;
mod rng;
mod send_log;
mod store;
mod user_store;

pub use clock::{FixedClock, SystemClock};
pub use queue::MemoryQueue;
pub use rng::{SeededRng, SystemRng};
pub use store::MemoryStore;
