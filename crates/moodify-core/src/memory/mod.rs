//! Adapters that keep everything in memory: for tests, demonstrations and the first minutes of an
//! embedder. They pass the same suites as the real ones; a restart forgets everything.

mod clock;
mod rng;

pub use clock::{FixedClock, SystemClock};
pub use rng::{SeededRng, SystemRng};
