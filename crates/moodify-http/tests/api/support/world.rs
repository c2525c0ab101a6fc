use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use futures::TryStreamExt;
use http::{Method, Request};
use moodify_adapters::probe::{InProcessProbe, ProbeConfig};
use moodify_core::config::{CatalogConfig, LimitsConfig};
use moodify_core::memory::{
    FixedClock, MemoryIdentityProvider, MemoryMailer, MemoryMediaStore, MemoryStore, SeededRng, SystemClock,
};
use moodify_core::model::{EventPayload, MediaKey, PageSize, TrackFilter};
use moodify_core::port::{CatalogStore, MediaStore, Meter, Outbox, Tracer};
use moodify_core::service::delivery::Handler;
use moodify_core::{Config, Moodify, MoodifyBuilder};
use moodify_http::{HttpConfig, Services};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use url::Url;

use super::contract::assert_documented;
use super::{Answer, Form, sample};

/// A password that everybody here uses.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A platform in memory, with a hand on its clock and a look into its stores.
pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) moodify: Moodify,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) media: Arc<MemoryMediaStore>,
    pub(crate) clock: Arc<FixedClock>,
    services: Services,
    _staging: TempDir,
}

/// Somebody who has signed up.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) token: String,
    pub(crate) refresh_token: String,
    pub(crate) body: Value,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// A platform whose HTTP side is configured differently.
    pub(crate) fn with(configure: impl FnOnce(&mut HttpConfig)) -> Self {
        Self::build(|_| (), configure)
    }

    /// A platform that is watched, and whose HTTP side is configured differently.
    pub(crate) fn watched<W: Meter + Tracer + 'static>(
        watch: Arc<W>,
        configure: impl FnOnce(&mut HttpConfig),
    ) -> Self {
        Self::assemble(|_| (), |builder| builder.meter(watch.clone()).tracer(watch), configure)
    }

    /// A platform whose mails go here.
    pub(crate) fn mailing(mailer: Arc<MemoryMailer>) -> Self {
        Self::assemble(|_| (), |builder| builder.mailer(mailer), |_| ())
    }

    /// A platform over other stores than those in memory, which nobody can look into here.
    pub(crate) fn over(stores: impl FnOnce(MoodifyBuilder) -> MoodifyBuilder) -> Self {
        Self::assemble(|_| (), stores, |_| ())
    }

    /// A platform that people sign in to through this provider, at an https address.
    pub(crate) fn federated(
        provider: Arc<MemoryIdentityProvider>,
        core: impl FnOnce(&mut Config),
        http: impl FnOnce(&mut HttpConfig),
    ) -> Self {
        let https = |config: &mut HttpConfig| {
            config.public_url = "https://music.test".parse().unwrap();
            http(config);
        };
        Self::assemble(core, |builder| builder.identity_provider(provider), https)
    }

    /// A platform whose catalogue is configured differently.
    pub(crate) fn limited(configure: impl FnOnce(&mut CatalogConfig)) -> Self {
        Self::build(|config| configure(&mut config.catalog), |_| ())
    }

    /// A platform that is configured differently; there are no limits unless they are set here.
    pub(crate) fn build(core: impl FnOnce(&mut Config), http: impl FnOnce(&mut HttpConfig)) -> Self {
        Self::assemble(core, |builder| builder, http)
    }

    fn assemble(
        core: impl FnOnce(&mut Config),
        parts: impl FnOnce(MoodifyBuilder) -> MoodifyBuilder,
        http: impl FnOnce(&mut HttpConfig),
    ) -> Self {
        let store = Arc::new(MemoryStore::new());
        let media = Arc::new(MemoryMediaStore::new());
        let clock = Arc::new(FixedClock::default());
        let staging = tempfile::tempdir().unwrap();
        let probe = InProcessProbe::open(ProbeConfig::new(staging.path()), Arc::new(SystemClock)).unwrap();
        let public_url: Url = "http://music.test".parse().unwrap();
        let mut config = Config::new(public_url.clone());
        config.limits = LimitsConfig::OFF;
        // The clock stands still.
        config.accounts.refusal_time = Duration::ZERO;
        core(&mut config);
        let builder = Moodify::builder(config)
            .store(store.clone())
            .media(media.clone())
            .clock(clock.clone())
            .rng(Arc::new(SeededRng::new(7)));
        let moodify = parts(builder).build(Arc::new(probe)).unwrap();
        let mut config = HttpConfig::new(public_url);
        http(&mut config);
        let services = config.services;
        Self {
            router: moodify_http::router(&moodify, config),
            moodify,
            store,
            media,
            clock,
            services,
            _staging: staging,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        assert_documented(self.services, &method, &path, &answer);
        answer
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(self.request(Method::GET, path, token).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn get_if_none_match(&self, path: &str, token: &str, etag: &str) -> Answer {
        let request = self.request(Method::GET, path, token).header("if-none-match", etag);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Answer {
        self.send(self.request(Method::DELETE, path, token).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn patch(&self, path: &str, token: &str, body: Value) -> Answer {
        self.patch_if_match(path, token, body, "*").await
    }

    pub(crate) async fn patch_if_match(&self, path: &str, token: &str, body: Value, tag: &str) -> Answer {
        let request = self.request(Method::PATCH, path, token).header("content-type", "application/json");
        self.send(request.header("if-match", tag).body(body.to_string().into()).unwrap()).await
    }

    pub(crate) async fn delete_if_match(&self, path: &str, token: &str, tag: &str) -> Answer {
        let request = self.request(Method::DELETE, path, token).header("if-match", tag);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// A `PUT` without a body.
    pub(crate) async fn put(&self, path: &str, token: &str) -> Answer {
        self.send(self.request(Method::PUT, path, token).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.post_raw(path, token, body.to_string()).await
    }

    pub(crate) async fn post_raw(&self, path: &str, token: &str, body: impl Into<Body>) -> Answer {
        let request = self.request(Method::POST, path, token).header("content-type", "application/json");
        self.send(request.body(body.into()).unwrap()).await
    }

    /// A request with this token, or none if it is empty.
    pub(crate) fn request(&self, method: Method, path: &str, token: &str) -> http::request::Builder {
        let request = Request::builder().method(method).uri(path);
        if token.is_empty() { request } else { request.header("authorization", format!("Bearer {token}")) }
    }

    pub(crate) async fn listener(&self, name: &str) -> Account {
        let body = json!({
            "email": format!("{name}@example.com"), "password": PASSWORD,
            "first_name": name, "last_name": "Listener",
        });
        Account::from(self.post("/v1/auth/users/signup", "", body).await.json(201))
    }

    pub(crate) async fn artist(&self, name: &str) -> Account {
        let body = json!({
            "email": format!("{name}@example.com"), "password": PASSWORD,
            "first_name": name, "last_name": "Artist", "artist_name": name,
        });
        Account::from(self.post("/v1/auth/artists/signup", "", body).await.json(201))
    }

    /// A track with a cover under this title.
    pub(crate) async fn track(&self, artist: &Account, title: &str) -> Value {
        self.track_with(artist, Form::new().text("title", title)).await
    }

    pub(crate) async fn track_with(&self, artist: &Account, form: Form) -> Value {
        self.clock.advance(Duration::from_millis(1));
        let form = form.file("audio", &sample("cbr-mono-id3v1.mp3")).file("cover", &sample("cover.jpg"));
        self.send(form.upload(&artist.token)).await.json(201)
    }

    /// Everything in the media store.
    pub(crate) async fn media_keys(&self) -> Vec<MediaKey> {
        self.media.list().try_collect().await.unwrap()
    }

    /// How many events wait to be published.
    pub(crate) async fn events(&self) -> usize {
        use moodify_core::port::Clock;
        self.store.lease(10_000, self.clock.now(), Duration::ZERO).await.unwrap().len()
    }

    /// What happened since this was asked last.
    pub(crate) async fn news(&self) -> Vec<EventPayload> {
        use moodify_core::port::Clock;
        self.moodify.accounts().settle().await;
        let events = self.store.lease(10_000, self.clock.now(), Duration::ZERO).await.unwrap();
        let ids: Vec<_> = events.iter().map(|event| event.id).collect();
        self.store.mark_published(&ids).await.unwrap();
        events.into_iter().map(|event| event.payload).collect()
    }

    /// Tells the music service what happened, as a queue would.
    pub(crate) async fn tell_music(&self) {
        use moodify_core::port::Clock;
        for event in self.store.lease(10_000, self.clock.now(), Duration::ZERO).await.unwrap() {
            self.moodify.catalog().handle(&event).await.unwrap();
        }
    }

    /// How many tracks there are, finished or not, of this artist and in public.
    pub(crate) async fn tracks(&self, artist: &Account) -> usize {
        let filter =
            TrackFilter { viewer: Some(artist.artist_id().parse().unwrap()), ..TrackFilter::default() };
        self.store.list_tracks(&filter, PageSize::new(100).unwrap(), None).await.unwrap().items.len()
    }
}

impl From<Value> for Account {
    fn from(body: Value) -> Self {
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        Self {
            token: text("access_token"),
            refresh_token: text("refresh_token"),
            body: body["account"].clone(),
        }
    }
}

impl Account {
    pub(crate) fn artist_id(&self) -> &str {
        self.body["artist_id"].as_str().unwrap()
    }
}
