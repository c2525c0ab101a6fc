//! A whole platform in memory for fuzz targets, and what must hold whatever is sent to it.

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::{StreamExt, stream};
use http::{Request, StatusCode};
use moodify_adapters::probe::{InProcessProbe, ProbeConfig};
use moodify_core::{
    Config, Moodify,
    memory::{MemoryMediaStore, SystemClock},
    model::ByteStream,
    port::MediaStore,
};
use moodify_http::HttpConfig;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;
use url::Url;

/// A platform with one artist.
pub struct Platform {
    runtime: Runtime,
    router: Router,
    /// The services.
    pub moodify: Moodify,
    media: Arc<MemoryMediaStore>,
    token: String,
    _staging: TempDir,
}

/// The platform that all inputs of a target meet, one after the other.
pub fn platform() -> &'static Platform {
    static PLATFORM: OnceLock<Platform> = OnceLock::new();
    PLATFORM.get_or_init(Platform::new)
}

/// Runs a future to its end.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    platform().runtime.block_on(future)
}

/// Lets panics inside the platform be caught where the platform catches them: a decoder's panic is
/// a refused file. Those that get out still end the fuzzer.
pub fn only_escaping_panics_count() {
    std::panic::set_hook(Box::new(|_| {}));
}

impl Platform {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let staging = tempfile::tempdir().unwrap();
        let probe = InProcessProbe::open(ProbeConfig::new(staging.path()), Arc::new(SystemClock)).unwrap();
        let media = Arc::new(MemoryMediaStore::new());
        let public_url: Url = "http://music.test".parse().unwrap();
        let mut config = Config::new(public_url.clone());
        // Nobody reads an answer to a fuzzer later on; what it was refused for must not hide the rest.
        config.accounts.access_token_ttl = std::time::Duration::from_secs(30 * 24 * 60 * 60);
        let moodify = Moodify::builder(config).media(media.clone()).build(Arc::new(probe)).unwrap();
        let router = moodify_http::router(&moodify, HttpConfig::new(public_url));
        let token = runtime.block_on(sign_up(&router));
        Self { runtime, router, moodify, media, token, _staging: staging }
    }

    /// The access token of the artist.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// How many audios and covers are kept.
    pub async fn stored(&self) -> usize {
        self.media.list().count().await
    }

    /// Sends a request as the artist, and returns the status and the body of the answer.
    ///
    /// # Panics
    /// If the answer is one of 5xx, or a refusal that is no problem document.
    pub async fn send(&self, request: http::request::Builder, body: impl Into<Body>) -> Option<StatusCode> {
        let request = request.header("authorization", format!("Bearer {}", self.token));
        // What cannot be written as a request cannot be sent either.
        let request = request.body(body.into()).ok()?;
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        assert!(!parts.status.is_server_error(), "{}: {}", parts.status, String::from_utf8_lossy(&body));
        if parts.status.is_client_error() {
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert!(problem["code"].is_string(), "{}: a refusal without a code", parts.status);
        }
        Some(parts.status)
    }
}

async fn sign_up(router: &Router) -> String {
    let body = r#"{"email":"fuzz@example.com","password":"a quiet harbour at dawn","first_name":"F",
        "last_name":"Z","artist_name":"The Fuzz"}"#;
    let request = Request::post("/v1/auth/artists/signup").header("content-type", "application/json");
    let answer = router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let session: serde_json::Value = serde_json::from_slice(&body).unwrap();
    session["access_token"].as_str().unwrap().to_owned()
}

/// Bytes as the body of a request, in pieces: parsers meet seams.
pub fn body(data: Vec<u8>) -> ByteStream<'static> {
    let pieces: Vec<_> = data.chunks(1000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

/// The text form of a cursor with these bytes inside.
pub fn base64url(data: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(data)
}
