//! Moodify over HTTP.

pub mod sync;
