//! A real server on a free port, with memory adapters behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::{Router, routing::get};
use futures::future::{BoxFuture, FutureExt, ready};
use moodify_core::config::PlaybackConfig;
use moodify_core::memory::{LocalSyncHub, MemoryPlaybackStore, MemoryQueue, SystemClock, SystemRng};
use moodify_core::model::event::SessionRevoked;
use moodify_core::model::{Caller, Role, SignedDuration, Timestamp, TraceContext};
use moodify_core::port::{Clock, Measurement, Meter, PlaybackStore, Tracer};
use moodify_core::service::{Context, Playback, playback::PlaybackParts};
use moodify_core::{AuthFailure, Error};
use moodify_http::sync::{Authenticator, SyncConfig, SyncHandle, layer};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The server.
pub(crate) struct Stage {
    pub(crate) url: String,
    pub(crate) playback: Arc<Playback>,
    pub(crate) handle: SyncHandle,
    pub(crate) queue: Arc<MemoryQueue>,
    store: Arc<MemoryPlaybackStore>,
    clock: Arc<MovedClock>,
    skews: Arc<Skews>,
}

/// Counts how often a device was compared with where it should be.
#[derive(Debug, Default)]
struct Skews(AtomicUsize);

impl Meter for Skews {
    fn record(&self, measurement: Measurement<'_>) {
        if matches!(measurement, Measurement::SyncSkew { .. }) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The machine's clock, moved forward by hand. Whoever sleeps already does not notice.
#[derive(Debug, Default)]
struct MovedClock(AtomicI64);

#[async_trait]
impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_micros(self.0.load(Ordering::Relaxed))
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}

/// Knows where it is while a command is carried out.
pub(crate) struct Commands;

impl Commands {
    /// Where that is.
    pub(crate) fn place() -> TraceContext {
        TraceContext::new(7, 8, true).unwrap()
    }
}

impl Tracer for Commands {
    fn current(&self) -> Option<TraceContext> {
        let span = tracing::Span::current();
        span.metadata().is_some_and(|span| span.name() == "command").then(Self::place)
    }

    fn resume(&self, _: &tracing::Span, _: &TraceContext) {}

    fn describe(&self, _: &tracing::Span, _: &str) {}
}

/// Tokens that a test can read: `<account>/<session>/<life in ms>`, two letters and a number.
struct ReadableTokens;

pub(crate) fn id<T: From<Uuid>>(name: &str) -> T {
    Uuid::from_u128(name.bytes().fold(0, |id, byte| id << 8 | u128::from(byte))).into()
}

fn read(token: &str) -> Result<Caller, Error> {
    let parts: Vec<_> = token.split('/').collect();
    let (&[account, session], life_ms) = match parts.as_slice() {
        [account, session] => (&[*account, *session], 600_000),
        [account, session, life] => (&[*account, *session], life.parse().unwrap()),
        _ => return Err(AuthFailure::InvalidToken.into()),
    };
    if life_ms <= 0 {
        return Err(AuthFailure::ExpiredToken.into());
    }
    Ok(Caller {
        account_id: id(account),
        session_id: id(session),
        role: Role::User,
        artist_id: None,
        name: account.to_owned(),
        expires_at: SystemClock.now() + SignedDuration::from_millis(life_ms),
    })
}

impl Authenticator for ReadableTokens {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, Error>> {
        ready(read(token)).boxed()
    }
}

/// Longer than any token of these tests lives.
const TOKEN_LIFE: Duration = Duration::from_secs(60 * 60);

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(PlaybackConfig::default()).await
    }

    pub(crate) async fn with(config: PlaybackConfig) -> Self {
        let clock = Arc::new(MovedClock::default());
        Self { clock: clock.clone(), ..Self::on(clock, config).await }
    }

    pub(crate) async fn on(clock: Arc<dyn Clock>, config: PlaybackConfig) -> Self {
        // Without somebody who listens there are no spans.
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
        let context = Context::new(clock, Arc::new(SystemRng));
        let skews = Arc::new(Skews::default());
        let context = Context { tracer: Arc::new(Commands), meter: skews.clone(), ..context };
        let (store, hub) = (Arc::new(MemoryPlaybackStore::default()), Arc::new(LocalSyncHub::default()));
        let queue = Arc::new(MemoryQueue::new());
        let parts = PlaybackParts { store: store.clone(), hub, queue: queue.clone() };
        let playback = Arc::new(Playback::new(parts, context, config, TOKEN_LIFE));
        let running = playback.clone();
        tokio::spawn(async move { running.run(&CancellationToken::new()).await });
        let (layer, handle) = layer(playback.clone(), Arc::new(ReadableTokens), &SyncConfig::default());
        let app = Router::new().route("/health/live", get(|| async { "alive" })).layer(layer);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, playback, handle, queue, store, clock: Arc::default(), skews }
    }

    /// The truth behind it.
    pub(crate) fn store(&self) -> &dyn PlaybackStore {
        &*self.store
    }

    /// How many reports were compared with the state.
    pub(crate) fn skews(&self) -> usize {
        self.skews.0.load(Ordering::Relaxed)
    }

    pub(crate) fn now_us(&self) -> i64 {
        self.playback.context().now().as_microsecond()
    }

    /// Lets time pass at once.
    pub(crate) fn pass(&self, duration: Duration) {
        self.clock.0.fetch_add(i64::try_from(duration.as_micros()).unwrap(), Ordering::Relaxed);
    }

    /// The session of a token ends, as the auth service tells it.
    pub(crate) async fn revoke(&self, account: &str, session: &str) {
        let event = SessionRevoked { account_id: id(account), session_id: id(session) };
        self.playback.session_revoked(&event).await.unwrap();
    }

    /// How long a test waits for the server to close.
    pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
}
