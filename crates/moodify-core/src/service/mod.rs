//! The rules and use cases. A service is a struct with the ports it needs; a use case is one
//! method in one file.

pub mod accounts;
pub mod catalog;
mod context;
pub mod delivery;
mod key_ring;
pub mod limits;
mod media_gate;
pub mod notifications;
pub mod playback;
mod published_key_ring;

pub use accounts::Accounts;
pub use catalog::Catalog;
pub use context::Context;
pub use key_ring::{KeyLives, KeyRing, KeyState, KnownKey};
pub use limits::Limits;
pub use media_gate::{Announced, MediaGate, MediaGrant, PutGrant};
pub use notifications::Notifications;
pub use playback::Playback;
pub use published_key_ring::PublishedKeyRing;
