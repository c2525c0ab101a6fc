//! How devices hear of each other, and where their playback is.

#[cfg(feature = "mongodb")]
use std::sync::Arc;

use moodify_core::{MoodifyBuilder, port::Unavailable};

#[cfg(feature = "mongodb")]
use moodify_adapters::mongodb::{MongoStore, MongoSync};
#[cfg(feature = "redis")]
use moodify_adapters::redis::Redis;

/// What `sync` names.
pub(crate) enum SyncPart {
    /// The memory of one process, which is written to the database.
    Local,
    /// A server that all processes share.
    #[cfg(feature = "redis")]
    Redis(Box<Redis>),
    /// A database that all processes share.
    #[cfg(feature = "mongodb")]
    Mongo {
        /// The processes over it.
        shared: Box<MongoSync>,
        /// It, if it is not the one of the services.
        own: Option<Arc<MongoStore>>,
    },
}

impl SyncPart {
    /// Makes it hub and store of the services.
    pub(crate) fn give_to(&self, services: MoodifyBuilder) -> MoodifyBuilder {
        match self {
            Self::Local => services,
            #[cfg(feature = "redis")]
            Self::Redis(redis) => services.sync_hub(redis.hub()).playback_store(redis.playback_store()),
            #[cfg(feature = "mongodb")]
            Self::Mongo { shared, .. } => {
                services.sync_hub(shared.hub()).playback_store(shared.playback_store())
            }
        }
    }

    /// Whether it can be used now.
    ///
    /// # Errors
    /// With what is wrong.
    pub(crate) async fn check(&self) -> Result<(), Unavailable> {
        match self {
            Self::Local => Ok(()),
            #[cfg(feature = "redis")]
            Self::Redis(redis) => redis.check().await,
            #[cfg(feature = "mongodb")]
            Self::Mongo { shared, .. } => shared.check().await,
        }
    }

    /// Writes what is left to be written.
    pub(crate) async fn close(&self) {
        match self {
            Self::Local => {}
            #[cfg(feature = "redis")]
            Self::Redis(redis) => redis.close().await,
            #[cfg(feature = "mongodb")]
            Self::Mongo { shared, own } => {
                shared.close().await;
                if let Some(own) = own {
                    own.close().await;
                }
            }
        }
    }
}
