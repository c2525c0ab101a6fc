//! What the program asks of the database, beyond the ports: one name for each that there is.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::{BoxFuture, FutureExt};
#[cfg(feature = "mongodb")]
use moodify_adapters::mongodb::MongoStore;
use moodify_adapters::sql::SqlStore;
#[cfg(feature = "redis")]
use moodify_core::port::PlaybackArchive;
use moodify_core::{
    MoodifyBuilder, Services,
    port::{KeyStore, Queue, Unavailable},
};

/// A role that this process has until it drops this: a future that ends when another process has it.
pub(crate) struct Claim(BoxFuture<'static, ()>);

impl Claim {
    /// Returns when another process has it.
    pub(crate) async fn lost(&mut self) {
        (&mut self.0).await;
    }
}

/// A database that keeps all there is to keep.
#[async_trait]
pub(crate) trait Database: KeyStore {
    /// Makes it the store of the services.
    fn give_to(self: Arc<Self>, services: MoodifyBuilder) -> MoodifyBuilder;

    /// Where playback is written to that is kept elsewhere.
    #[cfg(feature = "redis")]
    fn playback_archive(self: Arc<Self>) -> Arc<dyn PlaybackArchive>;

    /// It as what processes can share playback over, if it is such.
    #[cfg(feature = "mongodb")]
    fn shared_playback(self: Arc<Self>) -> Option<Arc<MongoStore>> {
        None
    }

    /// The queue that lives in it.
    fn queue(&self) -> Arc<dyn Queue>;

    /// Whether it answers.
    async fn ping(&self) -> Result<(), Unavailable>;

    /// Writes something and reads it back.
    async fn round_trip(&self) -> Result<(), Unavailable>;

    /// Gives back what dead processes had begun; only for who knows that no other process runs these
    /// services on it.
    async fn reclaim(&self, services: Services) -> Result<(), Unavailable>;

    /// Gives this process a role that only one may have at a time on this database; `None` if another
    /// process has it.
    async fn claim_role(&self, role: &'static str) -> Result<Option<Claim>, Unavailable>;

    /// Finishes what is under way, and lets go of it.
    async fn close(&self);
}

/// Every store that keeps all says it in the same words.
macro_rules! database {
    ($store:ty $(, $($more:tt)*)?) => {
        #[async_trait]
        impl Database for $store {
            fn give_to(self: Arc<Self>, services: MoodifyBuilder) -> MoodifyBuilder {
                services.store(self.clone()).playback_archive(self)
            }

            #[cfg(feature = "redis")]
            fn playback_archive(self: Arc<Self>) -> Arc<dyn PlaybackArchive> {
                self
            }

            fn queue(&self) -> Arc<dyn Queue> {
                Arc::new(Self::queue(self))
            }

            async fn ping(&self) -> Result<(), Unavailable> {
                Self::ping(self).await
            }

            async fn round_trip(&self) -> Result<(), Unavailable> {
                Self::round_trip(self).await
            }

            async fn reclaim(&self, services: Services) -> Result<(), Unavailable> {
                Self::reclaim(self, services).await
            }

            async fn claim_role(&self, role: &'static str) -> Result<Option<Claim>, Unavailable> {
                let claim = Self::claim_role(self, role).await?;
                Ok(claim.map(|mut claim| Claim(async move { claim.lost().await }.boxed())))
            }

            async fn close(&self) {
                Self::close(self).await;
            }

            $($($more)*)?
        }
    };
}

database!(SqlStore);
#[cfg(feature = "mongodb")]
database!(
    MongoStore,
    fn shared_playback(self: Arc<Self>) -> Option<Arc<MongoStore>> {
        Some(self)
    }
);
