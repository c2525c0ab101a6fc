//! What `/health/ready` asks.

use std::sync::Arc;

use async_trait::async_trait;
use moodify_core::{
    Moodify,
    port::{BoxError, Mailer, Queue},
};
use moodify_http::HealthCheck;

use crate::{assemble::Parts, database::Database, media, sync::SyncPart};

/// One check for each part that the services of this process cannot do without.
pub(crate) fn checks(parts: &Parts, moodify: &Moodify) -> Vec<Arc<dyn HealthCheck>> {
    let mut checks: Vec<Arc<dyn HealthCheck>> = vec![Arc::new(Kept(parts.database.clone()))];
    if let Some(media) = &parts.media {
        checks.push(Arc::new(Media(media.clone())));
    }
    checks.push(Arc::new(Events(parts.queue.clone())));
    if let Some(sync) = parts.sync.as_ref().filter(|sync| !matches!(***sync, SyncPart::Local)) {
        checks.push(Arc::new(Playback(sync.clone())));
    }
    if let Some(mailer) = &parts.mailer {
        checks.push(Arc::new(Mail(mailer.clone())));
    }
    if parts.jwks.is_some() {
        checks.push(Arc::new(Keys(moodify.clone())));
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

/// Only while no key is known: with one, people go on whatever becomes of the auth service.
struct Keys(Moodify);

#[async_trait]
impl HealthCheck for Keys {
    fn name(&self) -> &'static str {
        "jwks"
    }

    async fn check(&self) -> Result<(), BoxError> {
        Ok(self.0.accounts().can_authenticate().await?)
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
