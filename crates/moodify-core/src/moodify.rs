//! The whole of Moodify, put together.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::memory::WriteBehindPlaybackStore;
use crate::port::{Outbox, Queue};
use crate::service::delivery::{Handler, Housekeeper, Relay, Worker};
use crate::service::notifications::{Announcements, Releases};
use crate::service::{Accounts, Catalog, Context, Limits, MediaGate, Notifications, Playback};

/// How often half-done uploads are looked for, and what has expired is forgotten.
const SWEEP: Duration = Duration::from_secs(10 * 60);

/// Accounts, catalogue, notifications and playback over the chosen parts. Cheap to clone.
#[derive(Clone)]
pub struct Moodify {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) accounts: Accounts,
    pub(crate) limits: Arc<Limits>,
    pub(crate) catalog: Catalog,
    pub(crate) notifications: Notifications,
    pub(crate) housekeeper: Housekeeper,
    pub(crate) playback: Arc<Playback>,
    pub(crate) write_behind: Option<Arc<WriteBehindPlaybackStore>>,
    pub(crate) media_gate: Option<MediaGate>,
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) context: Context,
}

/// A set of services, so that one process can run only some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Services {
    /// Accounts and sessions.
    pub auth: bool,
    /// Tracks, playlists and media.
    pub music: bool,
    /// Mails.
    pub notification: bool,
    /// Playback on a listener's devices.
    pub sync: bool,
}

impl Services {
    /// All services.
    pub const ALL: Self = Self { auth: true, music: true, notification: true, sync: true };
    const NONE: Self = Self { auth: false, music: false, notification: false, sync: false };
    /// Auth alone.
    pub const AUTH: Self = Self { auth: true, ..Self::NONE };
    /// Music alone.
    pub const MUSIC: Self = Self { music: true, ..Self::NONE };
    /// Notification alone.
    pub const NOTIFICATION: Self = Self { notification: true, ..Self::NONE };
    /// Sync alone.
    pub const SYNC: Self = Self { sync: true, ..Self::NONE };
}

impl Moodify {
    /// The auth service.
    pub fn accounts(&self) -> &Accounts {
        &self.inner.accounts
    }

    /// The music service.
    pub fn catalog(&self) -> &Catalog {
        &self.inner.catalog
    }

    /// The sync service.
    pub fn playback(&self) -> &Arc<Playback> {
        &self.inner.playback
    }

    /// What serves signed URLs; absent when the media store serves its own.
    pub fn media_gate(&self) -> Option<&MediaGate> {
        self.inner.media_gate.as_ref()
    }

    /// How much one caller may ask for.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Time and chance.
    pub fn context(&self) -> &Context {
        &self.inner.context
    }

    /// Makes every consumer known to the queue. Do it before the first request: an event is kept
    /// only for consumers that were known when it was published.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the queue fails.
    pub async fn declare_consumers(&self) -> Result<(), Error> {
        for handler in self.handlers(Services::ALL) {
            self.inner.queue.declare(&handler.consumer()).await?;
        }
        Ok(())
    }

    /// Does what these services do between requests: publish events, handle them, clean up. Runs
    /// until told to stop, then finishes what it has begun.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the consumers cannot be made known; later faults are retried.
    pub async fn run(&self, services: Services, stop: CancellationToken) -> Result<(), Error> {
        self.declare_consumers().await?;
        let Inner { outbox, queue, context, .. } = &*self.inner;
        let workers: Vec<Worker> = self
            .handlers(services)
            .into_iter()
            .map(|handler| Worker::new(queue.clone(), handler, context.clone()))
            .collect();
        let relay = Relay::new(outbox.clone(), queue.clone(), context.clone());
        let mut tasks: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        tasks.extend(workers.iter().map(|worker| Box::pin(worker.run(&stop)) as BoxFuture<'_, ()>));
        if services.auth || services.music {
            tasks.push(Box::pin(relay.run(&stop)));
        }
        if services.auth {
            tasks.push(Box::pin(self.sweep_accounts(&stop)));
        }
        if services.music {
            tasks.push(Box::pin(self.sweep_uploads(&stop)));
            tasks.push(Box::pin(self.inner.catalog.look_after_uploads(&stop)));
        }
        if services.sync {
            tasks.push(Box::pin(self.inner.playback.run(&stop)));
        }
        let write_behind = self.inner.write_behind.as_ref().filter(|_| services.sync);
        tasks.extend(write_behind.map(|store| Box::pin(store.run(&stop)) as BoxFuture<'_, ()>));
        if services.notification {
            tasks.push(Box::pin(self.inner.housekeeper.run(&stop)));
        }
        while tasks.next().await.is_some() {}
        // After everybody who may change something.
        if let Some(store) = write_behind
            && let Err(error) = store.close().await
        {
            tracing::error!(%error, "the last changes of playback were not written and are lost");
        }
        Ok(())
    }

    pub(crate) fn handlers(&self, services: Services) -> Vec<Arc<dyn Handler>> {
        let Inner { catalog, notifications, playback, .. } = &*self.inner;
        let mut handlers: Vec<Arc<dyn Handler>> = Vec::new();
        if services.music {
            handlers.push(Arc::new(catalog.clone()));
        }
        if services.notification {
            handlers.push(Arc::new(notifications.clone()));
            handlers.push(Arc::new(Releases::new(notifications.clone())));
            handlers.push(Arc::new(Announcements::new(notifications.clone())));
        }
        if services.sync {
            handlers.push(playback.clone());
        }
        handlers
    }

    async fn sweep_accounts(&self, stop: &CancellationToken) {
        let accounts = &self.inner.accounts;
        while !stop.is_cancelled() {
            match accounts.remove_expired().await {
                Ok(0) => {}
                Ok(count) => tracing::info!(count, "forgot sessions, tokens and keys that had expired"),
                Err(error) => {
                    tracing::warn!(%error, "what has expired was not forgotten; the next sweep does");
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.inner.context.clock.sleep(SWEEP) => {}
            }
        }
        accounts.settle().await;
    }

    async fn sweep_uploads(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            match self.inner.catalog.remove_stale_uploads().await {
                Ok(0) => {}
                Ok(count) => tracing::info!(count, "removed uploads that a crash had left half done"),
                Err(error) => {
                    tracing::warn!(%error, "half-done uploads were not looked for; the next sweep does");
                }
            }
            if let Err(error) = self.inner.catalog.forget_ended().await {
                tracing::warn!(%error, "sessions that ended long ago were not forgotten yet");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.inner.context.clock.sleep(SWEEP) => {}
            }
        }
    }
}
