//! One file per command.

pub(crate) mod dead_letters;
pub(crate) mod doctor;
pub(crate) mod healthcheck;
pub(crate) mod import;
#[cfg(feature = "mongodb")]
pub(crate) mod import_mongo;
pub(crate) mod keys;
pub(crate) mod mail;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod serve;

use tokio::runtime::{Builder, Runtime};

use crate::failure::Failure;

/// What asynchronous commands run on.
fn runtime() -> Result<Runtime, Failure> {
    /// Many uploads at once wait for the disk, not for a thread each: a thread keeps memory of its own.
    const THREADS_FOR_FILES: usize = 16;
    let for_passwords = std::thread::available_parallelism().map_or(1, Into::into);
    let runtime = Builder::new_multi_thread()
        .max_blocking_threads(THREADS_FOR_FILES + for_passwords)
        .enable_all()
        .build();
    runtime.map_err(|error| {
        Failure::new(
            format!("no threads can be started: {error}"),
            "look at the limits of this system's user",
        )
    })
}
