//! The rules and use cases. A service is a struct with the ports it needs; a use case is one
//! method in one file.

mod context;
pub mod playback;

pub use context::Context;
pub use playback::Playback;
