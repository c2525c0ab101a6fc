//! Choosing the parts.

use std::sync::Arc;
use std::time::Duration;

use crate::Error;
use crate::config::Config;
use crate::memory::{
    LocalSyncHub, MemoryMailer, MemoryMediaStore, MemoryPlaybackStore, MemoryQueue, MemoryStore, Silent,
    SystemClock, SystemRng, WriteBehindPlaybackStore,
};
use crate::moodify::{Inner, Moodify};
use crate::port::{
    CatalogStore, Clock, IdentityProvider, KeyStore, LibraryStore, Mailer, MediaProbe, MediaSigner,
    MediaStore, Meter, Outbox, PlaybackArchive, PlaybackStore, PublishedKeys, Queue, RecipientStore, Rng,
    SendLog, SyncHub, Tracer, UploadStore, UserStore,
};
use crate::service::catalog::CatalogParts;
use crate::service::delivery::Housekeeper;
use crate::service::notifications::NotificationParts;
use crate::service::playback::PlaybackParts;
use crate::service::{
    Accounts, Catalog, Context, KeyRing, Limits, MediaGate, Notifications, Playback, PublishedKeyRing,
};

/// Puts Moodify together. What is not chosen stays in memory, and is gone after a restart.
pub struct MoodifyBuilder {
    config: Config,
    users: Arc<dyn UserStore>,
    keys: Arc<dyn KeyStore>,
    published: Option<Arc<dyn PublishedKeys>>,
    catalog: Arc<dyn CatalogStore>,
    library: Arc<dyn LibraryStore>,
    outbox: Arc<dyn Outbox>,
    send_log: Arc<dyn SendLog>,
    recipients: Arc<dyn RecipientStore>,
    uploads: Arc<dyn UploadStore>,
    queue: Arc<dyn Queue>,
    media: Arc<dyn MediaStore>,
    signer: Option<Arc<dyn MediaSigner>>,
    mailer: Arc<dyn Mailer>,
    identity_provider: Option<Arc<dyn IdentityProvider>>,
    playback: PlaybackKeeper,
    hub: Arc<dyn SyncHub>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    meter: Arc<dyn Meter>,
    tracer: Arc<dyn Tracer>,
}

/// Who keeps playback states.
enum PlaybackKeeper {
    Store(Arc<dyn PlaybackStore>),
    Archive(Arc<dyn PlaybackArchive>),
}

impl PlaybackKeeper {
    fn store(self, context: &Context) -> (Arc<dyn PlaybackStore>, Option<Arc<WriteBehindPlaybackStore>>) {
        match self {
            Self::Store(store) => (store, None),
            Self::Archive(archive) => {
                let store = Arc::new(WriteBehindPlaybackStore::new(archive, context.clone()));
                (store.clone(), Some(store))
            }
        }
    }
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
            published: None,
            catalog: store.clone(),
            library: store.clone(),
            outbox: store.clone(),
            send_log: store.clone(),
            recipients: store.clone(),
            uploads: store,
            queue: Arc::new(MemoryQueue::new()),
            media: Arc::new(MemoryMediaStore::new()),
            signer: None,
            mailer: Arc::new(MemoryMailer::new()),
            identity_provider: None,
            playback: PlaybackKeeper::Store(Arc::new(MemoryPlaybackStore::default())),
            hub: Arc::new(LocalSyncHub::default()),
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRng),
            meter: Arc::new(Silent),
            tracer: Arc::new(Silent),
        }
    }

    /// One database for accounts, keys, catalogue, libraries, outbox, send log, recipients and direct uploads. They must
    /// share one for events to be stored in one step with the changes they tell of.
    #[must_use]
    pub fn store<S>(self, store: Arc<S>) -> Self
    where
        S: UserStore
            + KeyStore
            + CatalogStore
            + LibraryStore
            + Outbox
            + SendLog
            + RecipientStore
            + UploadStore
            + 'static,
    {
        let (users, keys, catalog, library) = (store.clone(), store.clone(), store.clone(), store.clone());
        let (outbox, send_log, recipients, uploads) = (store.clone(), store.clone(), store.clone(), store);
        Self { users, keys, catalog, library, outbox, send_log, recipients, uploads, ..self }
    }

    /// Where the public keys of access tokens come from in a process that does not run the auth service and
    /// has a key store of its own. Without this they come from the key store.
    #[must_use]
    pub fn published_keys(self, keys: Arc<dyn PublishedKeys>) -> Self {
        Self { published: Some(keys), ..self }
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

    /// Who signs people in that need no password here. Without one nobody is signed in elsewhere.
    #[must_use]
    pub fn identity_provider(self, provider: Arc<dyn IdentityProvider>) -> Self {
        Self { identity_provider: Some(provider), ..self }
    }

    /// Where the truth about playback is.
    #[must_use]
    pub fn playback_store(self, store: Arc<dyn PlaybackStore>) -> Self {
        Self { playback: PlaybackKeeper::Store(store), ..self }
    }

    /// Where the truth about playback is written to while this process, and no other, holds it in
    /// memory: see [`WriteBehindPlaybackStore`]. [`Moodify::run`] writes and closes it.
    #[must_use]
    pub fn playback_archive(self, archive: Arc<dyn PlaybackArchive>) -> Self {
        Self { playback: PlaybackKeeper::Archive(archive), ..self }
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
        let (playback, write_behind) = self.playback.store(&context);
        let parts = CatalogParts {
            store: self.catalog,
            library: self.library,
            uploads: self.uploads,
            media: self.media,
            signer,
            probe,
        };
        let housekeeper = Housekeeper::new(
            self.queue.clone(),
            self.send_log.clone(),
            self.recipients.clone(),
            context.clone(),
        );
        let notifications = NotificationParts {
            mailer: self.mailer,
            log: self.send_log,
            recipients: self.recipients,
            queue: self.queue.clone(),
        };
        // With more than the leeway that an expired token is given.
        let token_life = config.accounts.access_token_ttl + Duration::from_secs(10);
        let published =
            self.published.map(|keys| Arc::new(PublishedKeyRing::new(keys, context.clone(), token_life)));
        let limits = Arc::new(Limits::new(context.clone(), config.limits));
        let provider = self.identity_provider;
        let accounts =
            Accounts::new(self.users, provider, (keys, published), context.clone(), limits.clone(), config)?;
        let inner = Inner {
            accounts,
            limits,
            catalog: Catalog::new(parts, context.clone(), config.catalog.clone(), token_life),
            notifications: Notifications::new(notifications, context.clone(), config)?,
            housekeeper,
            playback: Arc::new(Playback::new(
                PlaybackParts { store: playback, hub: self.hub, queue: self.queue.clone() },
                context.clone(),
                config.playback.clone(),
                token_life,
            )),
            write_behind,
            media_gate,
            outbox: self.outbox,
            queue: self.queue,
            context,
        };
        Ok(Moodify { inner: Arc::new(inner) })
    }
}
