//! `moodify migrate`: for deployments that bring the schema up to date before the new version runs.

use crate::{
    assemble::{self, Upgrade},
    commands::runtime,
    config::Settings,
    failure::Failure,
    lock::Locks,
    logging,
};

/// Creates the database or brings it up to date.
///
/// # Errors
/// If it cannot be opened, or a server runs on it that shares it with nobody.
pub(crate) fn run(settings: &Settings) -> Result<(), Failure> {
    logging::start(&settings.log)?;
    let address = settings.database()?;
    let _locks = Locks::take(&settings.data, &address, &["auth", "music", "notification", "sync"])?;
    runtime()?.block_on(async {
        assemble::database(settings, Upgrade::Yes).await?.close().await;
        println!("{address} is up to date.");
        Ok(())
    })
}
