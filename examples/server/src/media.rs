//! What the program asks of where audio and covers are, beyond the port: one name for each that there is.

use std::sync::Arc;

use async_trait::async_trait;
use moodify_adapters::files::FileMediaStore;
#[cfg(any(feature = "azure", feature = "gcs"))]
use moodify_adapters::object_store::ObjectMediaStore;
#[cfg(feature = "s3")]
use moodify_adapters::s3::S3MediaStore;
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
use moodify_core::port::MediaSigner;
use moodify_core::{
    MoodifyBuilder,
    port::{MediaStore, Unavailable},
};

/// A place that keeps audio and covers.
#[async_trait]
pub(crate) trait Media: MediaStore {
    /// Makes it the store of the services.
    fn give_to(self: Arc<Self>, services: MoodifyBuilder) -> MoodifyBuilder;

    /// Whether it works.
    async fn check(&self) -> Result<(), Unavailable>;

    /// What makes its URLs; `None` where this server answers them itself.
    #[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
    fn signer(&self) -> Option<&dyn MediaSigner> {
        None
    }
}

#[async_trait]
impl Media for FileMediaStore {
    fn give_to(self: Arc<Self>, services: MoodifyBuilder) -> MoodifyBuilder {
        services.media(self)
    }

    async fn check(&self) -> Result<(), Unavailable> {
        Self::check(self).await
    }
}

#[cfg(feature = "s3")]
#[async_trait]
impl Media for S3MediaStore {
    fn give_to(self: Arc<Self>, services: MoodifyBuilder) -> MoodifyBuilder {
        services.media_with_urls(self)
    }

    async fn check(&self) -> Result<(), Unavailable> {
        Self::check(self).await
    }

    fn signer(&self) -> Option<&dyn MediaSigner> {
        Some(self)
    }
}

#[cfg(any(feature = "azure", feature = "gcs"))]
#[async_trait]
impl Media for ObjectMediaStore {
    fn give_to(self: Arc<Self>, services: MoodifyBuilder) -> MoodifyBuilder {
        services.media_with_urls(self)
    }

    async fn check(&self) -> Result<(), Unavailable> {
        Self::check(self).await
    }

    fn signer(&self) -> Option<&dyn MediaSigner> {
        Some(self)
    }
}
