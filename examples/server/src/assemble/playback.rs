//! How devices hear of each other.

use std::sync::Arc;

#[cfg(feature = "mongodb")]
use moodify_adapters::mongodb::{MongoStore, MongoSync};
#[cfg(feature = "redis")]
use moodify_adapters::redis::{Redis, RedisConfig};
use moodify_core::service::Context;

use super::Upgrade;
#[cfg(not(all(feature = "mongodb", feature = "redis")))]
use super::failures::not_built;
use super::failures::unknown;
#[cfg(any(feature = "mongodb", feature = "redis"))]
use super::failures::with_advice;
use crate::{
    config::{Address, Settings},
    database::Database,
    failure::Failure,
    sync::SyncPart,
};

/// `sync`: what `local:` needs is in the core; it writes to the database. To try a Redis it takes none.
pub(crate) async fn sync(
    settings: &Settings,
    #[cfg_attr(not(any(feature = "mongodb", feature = "redis")), expect(unused_variables))] database: Option<
        &Arc<dyn Database>,
    >,
    #[cfg_attr(not(any(feature = "mongodb", feature = "redis")), expect(unused_variables))] context: &Context,
    #[cfg_attr(not(feature = "mongodb"), expect(unused_variables))] upgrade: Upgrade,
) -> Result<SyncPart, Failure> {
    let address = &settings.sync()?;
    check_sync(address)?;
    match address.scheme() {
        #[cfg(feature = "redis")]
        "redis" | "rediss" => {
            let server = RedisConfig::from_url(&address.secret())
                .map_err(|error| Failure::new(format!("sync is {address}: {error}"), "correct the URL"))?;
            let archive = database.map(|database| database.clone().playback_archive());
            match Redis::connect(settings.redis.config(server)?, archive, context.clone()).await {
                Ok(redis) => Ok(SyncPart::Redis(Box::new(redis))),
                Err(error) => Err(with_advice(&error, "look at the log of the Redis server")),
            }
        }
        #[cfg(feature = "mongodb")]
        "database" => match database.and_then(|database| database.clone().shared_playback()) {
            Some(store) => shared(settings, context, store, None).await,
            None => Err(Failure::new(
                "sync is database:, and the database of sync is no MongoDB: in no other can processes share playback",
                "set sync to local: for one process, or to redis://… or mongodb://… for several",
            )),
        },
        #[cfg(feature = "mongodb")]
        "mongodb" | "mongodb+srv" => {
            let config = settings.mongodb.config(address);
            let opened = match upgrade {
                Upgrade::Yes => MongoStore::connect(&config).await,
                Upgrade::No => MongoStore::connect_beside(&config).await,
            };
            let opened =
                opened.map_err(|error| with_advice(&error, "look at the database with its own tools"));
            let store = Arc::new(opened?);
            shared(settings, context, store.clone(), Some(store)).await
        }
        _ => Ok(SyncPart::Local),
    }
}

/// Playback of several processes over this store, which may be one that nobody else closes.
#[cfg(feature = "mongodb")]
async fn shared(
    settings: &Settings,
    context: &Context,
    store: Arc<MongoStore>,
    own: Option<Arc<MongoStore>>,
) -> Result<SyncPart, Failure> {
    match MongoSync::join(store, settings.mongodb.sync_config(), context.clone()).await {
        Ok(shared) => Ok(SyncPart::Mongo { shared: Box::new(shared), own }),
        Err(error) => {
            if let Some(own) = own {
                own.close().await;
            }
            Err(with_advice(&error, "look at the database with its own tools"))
        }
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
        #[cfg(feature = "mongodb")]
        "database" | "mongodb" | "mongodb+srv" => Ok(()),
        #[cfg(not(feature = "mongodb"))]
        "database" | "mongodb" | "mongodb+srv" => Err(not_built("sync", address, "mongodb", "local:")),
        _ => Err(unknown("sync", address, "local:")),
    }
}
