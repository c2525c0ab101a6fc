//! `sync = "local:"` keeps playback in the memory of one process: a second one on the same database
//! would overwrite what the first one saves.

use std::time::Duration;

use moodify_core::port::Clock;

use crate::{
    cli::Role,
    config::Settings,
    database::{Claim, Database},
    failure::{Failure, one_line},
};

/// How long a new process waits for the one that it replaces: longer than that may drain.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Makes this process the one that keeps playback, if that is its business.
///
/// # Errors
/// If it only runs the sync service and another process still does after a minute, or the database
/// does not answer.
pub(super) async fn claim(
    role: Role,
    settings: &Settings,
    database: &dyn Database,
    clock: &dyn Clock,
) -> Result<Option<Claim>, Failure> {
    if !role.services().sync || settings.sync()?.scheme() != "local" {
        return Ok(None);
    }
    let ask = async || {
        let asked = database.claim_role("sync").await;
        asked.map_err(|error| {
            Failure::new(format!("the database does not work: {}", one_line(&error)), "run `moodify doctor`")
        })
    };
    if let Some(claim) = ask().await? {
        return Ok(Some(claim));
    }
    if role == Role::All {
        tracing::warn!(
            "another process keeps playback on this database: let clients reach /socket.io/ at one of them only, \
             for what each keeps in memory overwrites the other's"
        );
        return Ok(None);
    }
    tracing::warn!(patience = ?PATIENCE, "another process runs the sync service on this database: waiting for its end");
    let begun = clock.now();
    while clock.now().duration_since(begun).unsigned_abs() < PATIENCE {
        clock.sleep(INTERVAL).await;
        if let Some(claim) = ask().await? {
            tracing::info!("the other process has ended");
            return Ok(Some(claim));
        }
    }
    Err(Failure::new(
        format!("another process already runs the sync service on {}", settings.database(role.services())?),
        "stop it first: with sync = \"local:\" there is one on a database",
    ))
}

/// Returns when another process has taken over what this one had claimed.
pub(super) async fn lost(claim: &mut Option<Claim>) -> Failure {
    match claim {
        Some(claim) => claim.lost().await,
        None => std::future::pending().await,
    }
    Failure::new(
        "another process has taken over the sync service while the database was out of reach",
        "start only one with sync = \"local:\" on a database",
    )
}
