//! Choosing the parts.

use std::sync::Arc;

use crate::Error;
use crate::config::Config;
use crate::memory::{
    LocalSyncHub, MemoryMailer, MemoryMediaStore, MemoryPlaybackStore, MemoryQueue, MemoryStore, Silent,
    SystemClock, SystemRng,
};
use crate::moodify::{Inner, Moodify};
use crate::port::{
    CatalogStore, Clock, KeyStore, Mailer, MediaProbe, MediaSigner, MediaStore, Meter, Outbox, PlaybackStore,
    Queue, Rng, SendLog, SyncHub, Tracer, UserStore,
};
use crate::service::catalog::CatalogParts;
use crate::service::{Accounts, Catalog, Context, KeyRing, MediaGate, Notifications, Playback};

/// Puts Moodify together. What is not chosen stays in memory, and is gone after a restart.
pub struct MoodifyBuilder {
    config: Config,
    users: Arc<dyn UserStore>,
    keys: Arc<dyn KeyStore>,
    catalog: Arc<dyn CatalogStore>,
    outbox: Arc<dyn Outbox>,
    send_log: Arc<dyn SendLog>,
    queue: Arc<dyn Queue>,
    media: Arc<dyn MediaStore>,
    signer: Option<Arc<dyn MediaSigner>>,
    mailer: Arc<dyn Mailer>,
    playback: Arc<dyn PlaybackStore>,
    hub: Arc<dyn SyncHub>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    meter: Arc<dyn Meter>,
    tracer: Arc<dyn Tracer>,
}

impl Moodify {
    /// Begins with these settings and everything in memory.
    pub fn builder(config: Config) -> MoodifyBuilder {
        MoodifyBuilder::new(config)
    }
}

impl MoodifyBuilder {
    fn new(config: Config) -> Self {
        let store = Arc::new(MemoryStore::new());
        Self {
            config,
            users: store.clone(),
            keys: store.clone(),
            catalog: store.clone(),
            outbox: store.clone(),
            send_log: store,
            queue: Arc::new(MemoryQueue::new()),
            media: Arc::new(MemoryMediaStore::new()),
            signer: None,
            mailer: Arc::new(MemoryMailer::new()),
            playback: Arc::new(MemoryPlaybackStore::default()),
            hub: Arc::new(LocalSyncHub::default()),
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRng),
            meter: Arc::new(Silent),
            tracer: Arc::new(Silent),
        }
    }

    /// One database for accounts, keys, catalogue, outbox and send log. They must share one for
    /// events to be stored in one step with the changes they tell of.
    #[must_use]
    pub fn store<S>(self, store: Arc<S>) -> Self
    where
        S: UserStore + KeyStore + CatalogStore + Outbox + SendLog + 'static,
    {
        let (users, keys, catalog) = (store.clone(), store.clone(), store.clone());
        Self { users, keys, catalog, outbox: store.clone(), send_log: store, ..self }
    }

    /// How events travel.
    #[must_use]
    pub fn queue(self, queue: Arc<dyn Queue>) -> Self {
        Self { queue, ..self }
    }

    /// Where audio and covers are. Moodify signs and serves their URLs itself.
    #[must_use]
    pub fn media(self, media: Arc<dyn MediaStore>) -> Self {
        Self { media, signer: None, ..self }
    }

    /// Where audio and covers are, in a store that signs and serves its own URLs.
    #[must_use]
    pub fn media_with_urls<M: MediaStore + MediaSigner + 'static>(self, media: Arc<M>) -> Self {
        Self { media: media.clone(), signer: Some(media), ..self }
    }

    /// How mails leave.
    #[must_use]
    pub fn mailer(self, mailer: Arc<dyn Mailer>) -> Self {
        Self { mailer, ..self }
    }

    /// Where the truth about playback is.
    #[must_use]
    pub fn playback_store(self, playback: Arc<dyn PlaybackStore>) -> Self {
        Self { playback, ..self }
    }

    /// How a listener's devices hear of each other.
    #[must_use]
    pub fn sync_hub(self, hub: Arc<dyn SyncHub>) -> Self {
        Self { hub, ..self }
    }

    /// The source of time.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The source of chance.
    #[must_use]
    pub fn rng(self, rng: Arc<dyn Rng>) -> Self {
        Self { rng, ..self }
    }

    /// Who counts and times what happens.
    #[must_use]
    pub fn meter(self, meter: Arc<dyn Meter>) -> Self {
        Self { meter, ..self }
    }

    /// Who ties spans to traces.
    #[must_use]
    pub fn tracer(self, tracer: Arc<dyn Tracer>) -> Self {
        Self { tracer, ..self }
    }

    /// Puts everything together. `probe` looks at uploads; there is no harmless default for it.
    ///
    /// # Errors
    /// [`Error::Internal`] if the settings contradict themselves.
    pub fn build(self, probe: Arc<dyn MediaProbe>) -> Result<Moodify, Error> {
        let config = &self.config;
        let context =
            Context { meter: self.meter, tracer: self.tracer, ..Context::new(self.clock, self.rng) };
        let keys = Arc::new(KeyRing::new(self.keys, context.clone()));
        let gate = MediaGate::new(self.media.clone(), keys.clone(), context.clone(), &config.public_url);
        let (signer, media_gate): (Arc<dyn MediaSigner>, _) = match self.signer {
            Some(signer) => (signer, None),
            None => (Arc::new(gate.clone()), Some(gate)),
        };
        let parts = CatalogParts { store: self.catalog, media: self.media, signer, probe };
        let inner = Inner {
            accounts: Accounts::new(self.users, keys, context.clone(), config)?,
            catalog: Catalog::new(parts, context.clone(), config.catalog.clone()),
            notifications: Notifications::new(self.mailer, self.send_log, context.clone(), config)?,
            playback: Arc::new(Playback::new(
                self.playback,
                self.hub,
                context.clone(),
                config.playback.clone(),
            )),
            media_gate,
            outbox: self.outbox,
            queue: self.queue,
            context,
        };
        Ok(Moodify { inner: Arc::new(inner) })
    }
}
