//! What every test here starts from.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use moodify_core::config::LimitsConfig;
use moodify_core::memory::{
    FixedClock, MemoryIdentityProvider, MemoryMailer, MemoryQueue, MemoryStore, SeededRng,
};
use moodify_core::model::{ArtistName, ByteStream, Caller, Email, EventPayload, PersonName};
use moodify_core::port::{MediaProbe, Outbox, ProbeError, ProbedAudio, ProbedCover, Rejection};
use moodify_core::service::Context;
use moodify_core::service::accounts::{SignUp, SignedIn};
use moodify_core::{Config, Moodify};
use secrecy::ExposeSecret;

/// Accepts nothing: no test here uploads.
pub(crate) struct NoUploads;

#[async_trait]
impl MediaProbe for NoUploads {
    async fn audio(&self, _: ByteStream<'_>, _: u64) -> Result<ProbedAudio, ProbeError> {
        Err(ProbeError::Rejected(Rejection::UnsupportedType))
    }

    async fn cover(&self, _: ByteStream<'_>, _: u64) -> Result<ProbedCover, ProbeError> {
        Err(ProbeError::Rejected(Rejection::UnsupportedType))
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) queue: Arc<MemoryQueue>,
    pub(crate) mailer: Arc<MemoryMailer>,
    pub(crate) google: Arc<MemoryIdentityProvider>,
    pub(crate) moodify: Moodify,
}

pub(crate) const PASSWORD: &str = "correct horse battery staple";

impl World {
    pub(crate) fn new() -> Self {
        Self::limited(LimitsConfig::default())
    }

    pub(crate) fn limited(limits: LimitsConfig) -> Self {
        Self::over(Arc::new(MemoryStore::new()), Arc::new(FixedClock::default()), limits)
    }

    /// The same stores and clock in a process that knows nothing else any more.
    pub(crate) fn restarted(&self, limits: LimitsConfig) -> Self {
        Self::over(self.store.clone(), self.clock.clone(), limits)
    }

    fn over(store: Arc<MemoryStore>, clock: Arc<FixedClock>, limits: LimitsConfig) -> Self {
        let queue = Arc::new(MemoryQueue::new());
        let mailer = Arc::new(MemoryMailer::new());
        Self::process(clock, store, queue, mailer, (1, limits))
    }

    /// Another process of the same deployment.
    pub(crate) fn another(&self, seed: u64) -> Self {
        let Self { clock, store, queue, mailer, .. } = self;
        let limits = LimitsConfig::default();
        Self::process(clock.clone(), store.clone(), queue.clone(), mailer.clone(), (seed, limits))
    }

    fn process(
        clock: Arc<FixedClock>,
        store: Arc<MemoryStore>,
        queue: Arc<MemoryQueue>,
        mailer: Arc<MemoryMailer>,
        (seed, limits): (u64, LimitsConfig),
    ) -> Self {
        let mut config = Config::new("https://moodify.example".parse().unwrap());
        config.limits = limits;
        // The clock stands still.
        config.accounts.refusal_time = Duration::ZERO;
        let google = Arc::new(MemoryIdentityProvider::new());
        let moodify = Moodify::builder(config)
            .store(store.clone())
            .queue(queue.clone())
            .mailer(mailer.clone())
            .identity_provider(google.clone())
            .clock(clock.clone())
            .rng(Arc::new(SeededRng::new(seed)))
            .build(Arc::new(NoUploads))
            .unwrap();
        Self { clock, store, queue, mailer, google, moodify }
    }

    /// What waits to be published, oldest first; it waits no longer.
    pub(crate) async fn news(&self) -> Vec<EventPayload> {
        self.moodify.accounts().settle().await;
        let day = Duration::from_secs(24 * 60 * 60);
        let leased = self.store.lease(10_000, self.context().now(), day).await.unwrap();
        let ids: Vec<_> = leased.iter().map(|event| event.id).collect();
        self.store.mark_published(&ids).await.unwrap();
        leased.into_iter().map(|event| event.payload).collect()
    }

    pub(crate) fn context(&self) -> Context {
        self.moodify.context().clone()
    }

    pub(crate) fn request(&self, email: &str, artist: Option<&str>) -> SignUp {
        SignUp {
            email: Email::parse(email).unwrap(),
            password: self.moodify.accounts().new_password(PASSWORD, &[]).unwrap(),
            first_name: PersonName::parse("Ada").unwrap(),
            last_name: PersonName::parse("Lovelace").unwrap(),
            artist_name: artist.map(|name| ArtistName::parse(name).unwrap()),
            user_agent: None,
        }
    }

    pub(crate) async fn sign_up(&self, email: &str) -> SignedIn {
        self.moodify.accounts().sign_up(self.request(email, None)).await.unwrap()
    }

    pub(crate) async fn caller(&self, signed_in: &SignedIn) -> Caller {
        self.moodify.accounts().authenticate(&signed_in.access_token).await.unwrap()
    }
}

pub(crate) fn refresh_token(signed_in: &SignedIn) -> String {
    signed_in.refresh_token.expose_secret().to_owned()
}
