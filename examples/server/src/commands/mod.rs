//! One file per command.

pub(crate) mod dead_letters;
pub(crate) mod doctor;
pub(crate) mod healthcheck;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod mail;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod serve;

use tokio::runtime::{Builder, Runtime};

use crate::failure::Failure;

/// What asynchronous commands run on.
fn runtime() -> Result<Runtime, Failure> {
    Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::new(
            format!("no threads can be started: {error}"),
            "look at the limits of this system's user",
        )
    })
}
