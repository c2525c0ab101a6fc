//! What `/health/ready` asks.

use std::sync::Arc;

use async_trait::async_trait;
use moodify_core::{
    Services,
    port::{BoxError, Mailer, Queue},
};
use moodify_http::HealthCheck;

use crate::{assemble::Parts, database::Database, media, sync::SyncPart};

/// One check for each part that these services cannot do without.
pub(crate) fn checks(parts: &Parts, services: Services) -> Vec<Arc<dyn HealthCheck>> {
    let mut checks: Vec<Arc<dyn HealthCheck>> = vec![Arc::new(Kept(parts.database.clone()))];
    if services.music {
        checks.push(Arc::new(Media(parts.media.clone())));
    }
    checks.push(Arc::new(Events(parts.queue.clone())));
    if services.sync && !matches!(*parts.sync, SyncPart::Local) {
        checks.push(Arc::new(Playback(parts.sync.clone())));
    }
    if services.notification {
        checks.push(Arc::new(Mail(parts.mailer.clone())));
    }
    checks
}

struct Kept(Arc<dyn Database>);

#[async_trait]
impl HealthCheck for Kept {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Result<(), BoxError> {
        Ok(self.0.ping().await?)
    }
}

struct Media(Arc<dyn media::Media>);

#[async_trait]
impl HealthCheck for Media {
    fn name(&self) -> &'static str {
        "media"
    }

    async fn check(&self) -> Result<(), BoxError> {
        Ok(self.0.check().await?)
    }
}

struct Events(Arc<dyn Queue>);

#[async_trait]
impl HealthCheck for Events {
    fn name(&self) -> &'static str {
        "queue"
    }

    // Events wait in the outbox; nobody who signs up does.
    fn is_vital(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<(), BoxError> {
        Ok(self.0.check().await?)
    }
}

struct Playback(Arc<SyncPart>);

#[async_trait]
impl HealthCheck for Playback {
    fn name(&self) -> &'static str {
        "sync"
    }

    // All processes share it: whoever is turned away here finds it no better elsewhere.
    fn is_vital(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<(), BoxError> {
        Ok(self.0.check().await?)
    }
}

struct Mail(Arc<dyn Mailer>);

#[async_trait]
impl HealthCheck for Mail {
    fn name(&self) -> &'static str {
        "mailer"
    }

    // Mails wait; nobody who signs up does.
    fn is_vital(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<(), BoxError> {
        Ok(self.0.check().await?)
    }
}
