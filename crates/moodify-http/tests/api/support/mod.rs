//! A platform in memory, and short ways to ask it.

mod answer;
mod contract;
mod form;
mod no_tokens;
mod no_uploads;
mod world;

pub(crate) use answer::Answer;
pub(crate) use form::Form;
pub(crate) use no_tokens::NoTokens;
pub(crate) use no_uploads::NoUploads;
pub(crate) use world::{Account, PASSWORD, World};

/// One of the tunes and pictures in `examples/media`.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/../../examples/media/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
