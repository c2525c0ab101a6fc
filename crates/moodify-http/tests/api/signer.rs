//! The server's own `/media` keeps the contract of those who sign URLs.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use http::Request;
use http::header::CONTENT_TYPE;
use moodify_core::conformance::{MediaSignerFixture, PlainAnswer, PlainClient, PlainRequest, SignerWays};
use moodify_core::memory::{MemoryStore, SeededRng};
use moodify_core::service::{Context, KeyRing, MediaGate};
use tower::ServiceExt;

use crate::support::World;

/// Goes through the router, as a request from outside does.
struct Door(Mutex<Router>);

#[async_trait]
impl PlainClient for Door {
    async fn send(&self, request: PlainRequest) -> PlainAnswer {
        let url = &request.url;
        let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let mut asked = Request::builder().method(request.method).uri(path);
        for (name, value) in &request.headers {
            asked = asked.header(name, value);
        }
        if request.method == "PUT" {
            asked = asked.header("content-length", request.body.len());
        }
        let asked = asked.body(Body::from(request.body)).unwrap();
        let router = self.0.lock().unwrap().clone();
        let (parts, body) = router.oneshot(asked).await.unwrap().into_parts();
        let content_type = parts.headers.get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap());
        PlainAnswer {
            status: parts.status.as_u16(),
            content_type: content_type.to_owned(),
            body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        }
    }
}

async fn fixture() -> MediaSignerFixture {
    let world = World::new();
    let gate = world.moodify.media_gate().unwrap().clone();
    let context = Context::new(world.clock.clone(), Arc::new(SeededRng::new(8)));
    let keys = Arc::new(KeyRing::new(Arc::new(MemoryStore::new()), context.clone()));
    let public_url = "http://music.test".parse().unwrap();
    let stranger = MediaGate::new(world.media.clone(), keys, context, &public_url);
    MediaSignerFixture {
        store: world.media.clone(),
        signer: Arc::new(gate),
        stranger: Arc::new(stranger),
        client: Arc::new(Door(Mutex::new(world.router.clone()))),
        clock: world.clock.clone(),
        ways: SignerWays::CONTRACT,
        // Its staging goes with it.
        keep: Box::new(Mutex::new(world)),
    }
}

moodify_core::media_signer_suite!(contract, fixture);
