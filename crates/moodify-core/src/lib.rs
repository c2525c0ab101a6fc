//! The hexagon of Moodify: what things are ([`model`]), what Moodify needs from the outside
//! ([`port`]), its rules and use cases ([`service`]), and adapters that keep everything in memory
//! ([`memory`]). No I/O and no framework: drivers live in `moodify-adapters`, paths and status
//! codes in `moodify-http`.
//!
//! Begin at [`Moodify::builder`]. It takes the parts that you choose, keeps the rest in memory, and
//! gives a [`Moodify`] with the services; [`Moodify::run`] does what they do between requests, such
//! as sending mails.

mod builder;
pub mod config;
mod error;
pub mod memory;
pub mod model;
mod moodify;
pub mod port;
pub mod service;
mod vitals;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use builder::MoodifyBuilder;
pub use config::Config;
pub use error::{AuthFailure, Error};
pub use moodify::{Moodify, Services};
pub use vitals::Vitals;
