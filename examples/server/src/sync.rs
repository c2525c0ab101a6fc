//! How devices hear of each other, and where their playback is.

use moodify_core::{MoodifyBuilder, port::Unavailable};

#[cfg(feature = "redis")]
use moodify_adapters::redis::Redis;

/// What `sync` names.
pub(crate) enum SyncPart {
    /// The memory of one process, which is written to the database.
    Local,
    /// A server that all processes share.
    #[cfg(feature = "redis")]
    Redis(Box<Redis>),
}

impl SyncPart {
    /// Makes it hub and store of the services.
    pub(crate) fn give_to(&self, services: MoodifyBuilder) -> MoodifyBuilder {
        match self {
            Self::Local => services,
            #[cfg(feature = "redis")]
            Self::Redis(redis) => services.sync_hub(redis.hub()).playback_store(redis.playback_store()),
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
        }
    }

    /// Writes what is left to be written.
    pub(crate) async fn close(&self) {
        match self {
            Self::Local => {}
            #[cfg(feature = "redis")]
            Self::Redis(redis) => redis.close().await,
        }
    }
}
