//! How devices hear of each other.

use std::sync::Arc;

#[cfg(feature = "redis")]
use moodify_adapters::redis::{Redis, RedisConfig};
use moodify_core::service::Context;

#[cfg(feature = "redis")]
use super::failures::with_advice;
use super::failures::{not_built, unknown};
use crate::{
    config::{Address, Settings},
    database::Database,
    failure::Failure,
    sync::SyncPart,
};

/// `sync`: what `local:` needs is in the core; it writes to the database.
pub(crate) async fn sync(
    settings: &Settings,
    #[cfg_attr(not(feature = "redis"), expect(unused_variables))] database: &Arc<dyn Database>,
    #[cfg_attr(not(feature = "redis"), expect(unused_variables))] context: &Context,
) -> Result<SyncPart, Failure> {
    let address = &settings.sync()?;
    check_sync(address)?;
    match address.scheme() {
        #[cfg(feature = "redis")]
        "redis" | "rediss" => {
            let server = RedisConfig::from_url(&address.secret())
                .map_err(|error| Failure::new(format!("sync is {address}: {error}"), "correct the URL"))?;
            let archive = database.clone().playback_archive();
            match Redis::connect(settings.redis.config(server)?, Some(archive), context.clone()).await {
                Ok(redis) => Ok(SyncPart::Redis(Box::new(redis))),
                Err(error) => Err(with_advice(&error, "look at the log of the Redis server")),
            }
        }
        _ => Ok(SyncPart::Local),
    }
}

/// Whether there is an adapter for what `sync` names: before anything is opened.
pub(super) fn check_sync(address: &Address) -> Result<(), Failure> {
    match address.scheme() {
        "local" => Ok(()),
        #[cfg(feature = "redis")]
        "redis" | "rediss" => Ok(()),
        #[cfg(not(feature = "redis"))]
        "redis" | "rediss" => Err(not_built("sync", address, "redis", "local:")),
        "mongodb" | "mongodb+srv" => Err(not_built("sync", address, "mongodb", "local:")),
        _ => Err(unknown("sync", address, "local:")),
    }
}
