//! `moodify migrate`: for deployments that bring the schema up to date before the new version runs.

use crate::{
    assemble::{self, Upgrade},
    cli::Role,
    commands::runtime,
    config::Settings,
    failure::Failure,
    lock::Locks,
    logging,
};

/// Creates the databases of these services or brings them up to date.
///
/// # Errors
/// If one cannot be opened, or a server runs on it that shares it with nobody.
pub(crate) fn run(role: Role, settings: &Settings) -> Result<(), Failure> {
    logging::start(&settings.log)?;
    let runtime = runtime()?;
    for (services, address) in settings.every_database(role.services())? {
        let _locks = Locks::take(&settings.data, &address, role.names())?;
        runtime.block_on(async {
            assemble::database(settings, services, Upgrade::Yes).await?.close().await;
            Ok(())
        })?;
        println!("{address} is up to date.");
    }
    Ok(())
}
