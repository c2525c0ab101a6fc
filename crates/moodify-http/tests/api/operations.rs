//! Health, documentation, and what surrounds every route.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use futures::future::BoxFuture;
use http::{Method, Request};
use moodify_core::model::Caller;
use moodify_core::port::BoxError;
use moodify_core::{AuthFailure, Config, Error, Moodify};
use moodify_http::sync::{self, Authenticator, SyncConfig};
use moodify_http::{HealthCheck, Origin, Services};
use serde_json::json;

use crate::support::{Answer, NoUploads, World};

/// A dependency that behaves like this.
enum Part {
    Good,
    Bad,
    /// Down as well, and nobody waits for it.
    Behind,
    Silent,
    Panicking,
}

#[async_trait]
impl HealthCheck for Part {
    fn name(&self) -> &'static str {
        match self {
            Self::Good => "database",
            Self::Bad => "queue",
            Self::Behind => "mailer",
            Self::Silent => "media",
            Self::Panicking => "mailer",
        }
    }

    fn is_vital(&self) -> bool {
        !matches!(self, Self::Behind)
    }

    async fn check(&self) -> Result<(), BoxError> {
        match self {
            Self::Good => Ok(()),
            Self::Bad | Self::Behind => Err("amqp://guest:hunter2@broker refused".into()),
            Self::Silent => std::future::pending().await,
            Self::Panicking => panic!("a bug"),
        }
    }
}

fn world_of(parts: impl IntoIterator<Item = Part>) -> World {
    World::with(|config| {
        config.checks = parts.into_iter().map(|part| Arc::new(part) as Arc<dyn HealthCheck>).collect();
    })
}

/// Nobody is known here.
struct NoTokens;

impl Authenticator for NoTokens {
    fn authenticate<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Caller, Error>> {
        Box::pin(async { Err(AuthFailure::InvalidToken.into()) })
    }
}

async fn ask(world: &World, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = Request::builder().method(method).uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    world.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_process_is_alive_whatever_it_depends_on() {
    let world = world_of([Part::Bad]);
    assert_eq!(world.get("/health/live", "").await.json(200), json!({"status": "ok"}));
}

#[tokio::test(start_paused = true)]
async fn readiness_names_each_dependency_and_no_secret() {
    let world = world_of([Part::Good]);
    let ready = world.get("/health/ready", "").await.json(200);
    assert_eq!(ready, json!({"status": "ready", "checks": [{"name": "database", "status": "ok"}]}));

    let world = world_of([Part::Good, Part::Bad, Part::Silent]);
    let answer = world.get("/health/ready", "").await;
    let expected = json!({"status": "not_ready", "checks": [
        {"name": "database", "status": "ok"},
        {"name": "queue", "status": "failed"},
        {"name": "media", "status": "failed"},
    ]});
    assert_eq!(answer.json(503), expected);
    assert!(!answer.text().contains("hunter2"));

    let world = world_of([Part::Good, Part::Behind]);
    let ready = world.get("/health/ready", "").await.json(200);
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["checks"][1], json!({"name": "mailer", "status": "failed"}));
}

#[tokio::test]
async fn a_bug_takes_one_request_down_and_tells_nothing() {
    let world = world_of([Part::Panicking]);
    let answer = world.get("/health/ready", "").await;
    answer.problem(500, "internal_error");
    assert!(!answer.text().contains("a bug"));
    world.get("/health/live", "").await.json(200);
}

#[tokio::test(start_paused = true)]
async fn no_request_takes_for_ever() {
    let world = World::with(|config| {
        config.checks = vec![Arc::new(Part::Silent)];
        config.limits.request = Duration::from_secs(1);
    });
    let answer = world.get("/health/ready", "").await;
    answer.problem(503, "timeout");
    assert_eq!(answer.header("retry-after"), "5");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_the_clients_fault() {
    let world = World::new();
    let never = Body::from_stream(futures::stream::pending::<std::io::Result<axum::body::Bytes>>());
    world.post_raw("/v1/auth/users/login", "", never).await.problem(408, "request_timeout");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let world = World::new();
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1/tracks/",
        "/V1/tracks",
        "/media/audio",
        "/media/a/b/c",
        "/v1/tracks%2Fx",
    ] {
        world.get(path, "").await.problem(404, "not_found");
    }
    for (method, path, allow) in [
        (Method::DELETE, "/v1/tracks", "GET,HEAD,POST"),
        (Method::POST, "/health/live", "GET,HEAD"),
        (Method::GET, "/v1/auth/users/login", "POST"),
        (Method::PUT, "/openapi.json", "GET,HEAD"),
    ] {
        let answer = ask(&world, method, path, &[]).await;
        answer.problem(405, "method_not_allowed");
        let mut allowed: Vec<&str> = answer.header("allow").split(',').map(str::trim).collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(","), allow, "{path}");
    }
}

#[tokio::test]
async fn options_tell_the_methods_and_heads_have_no_body() {
    let world = World::new();
    let options = ask(&world, Method::OPTIONS, "/health/live", &[]).await;
    options.empty(204);
    assert_eq!(options.header("allow"), "GET,HEAD");
    let head = ask(&world, Method::HEAD, "/health/live", &[]).await;
    head.empty(200);
    assert_eq!(head.header("content-type"), "application/json");
}

#[tokio::test]
async fn every_answer_carries_its_request_id() {
    let world = World::new();
    for (given, kept) in
        [("trace-7.a_B", true), ("", false), ("a b", false), ("a\tb", false), (&*"x".repeat(129), false)]
    {
        let answer = ask(&world, Method::GET, "/v1/me", &[("x-request-id", given)]).await;
        answer.problem(401, "unauthorized");
        assert_eq!(answer.header("x-request-id") == given, kept, "{given:?}");
    }
    let [one, two] = [world.get("/health/live", "").await, world.get("/health/live", "").await];
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
    assert_eq!(one.header("x-request-id").len(), 36);
}

#[tokio::test]
async fn every_answer_is_locked_down() {
    let world = World::with(|config| config.public_url = "https://music.test".parse().unwrap());
    for path in ["/health/live", "/v1/me", "/nothing", "/openapi.json", "/docs/"] {
        let answer = world.get(path, "").await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("strict-transport-security"), "max-age=63072000", "{path}");
        assert!(!answer.header("cache-control").is_empty(), "{path}");
    }
    let plain = World::new().get("/health/live", "").await;
    assert_eq!(plain.header("strict-transport-security"), "");
}

#[tokio::test]
async fn only_listed_origins_may_call() {
    let world = World::with(|config| {
        config.allowed_origins = vec![Origin::parse("https://app.example.com").unwrap()];
    });
    let good = [("origin", "https://app.example.com"), ("access-control-request-method", "POST")];
    let preflight = ask(&world, Method::OPTIONS, "/v1/tracks", &good).await;
    preflight.empty(204);
    assert_eq!(preflight.header("access-control-allow-origin"), "https://app.example.com");
    assert!(preflight.header("access-control-allow-methods").contains("POST"));
    assert!(preflight.header("access-control-allow-headers").contains("authorization"));

    let failed = ask(&world, Method::GET, "/v1/me", &good[..1]).await;
    failed.problem(401, "unauthorized");
    assert_eq!(failed.header("access-control-allow-origin"), "https://app.example.com");
    assert_eq!(failed.header("vary"), "origin");

    for origin in
        ["https://evil.example.com", "https://app.example.com.evil.com", "http://app.example.com", "null"]
    {
        for headers in [vec![("origin", origin)], vec![("origin", origin), good[1]]] {
            let answer = ask(&world, Method::OPTIONS, "/v1/tracks", &headers).await;
            assert!(
                answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")),
                "{origin}"
            );
        }
    }
}

#[tokio::test]
async fn sockets_follow_the_same_list() {
    let world = World::with(|config| {
        let moodify =
            Moodify::builder(Config::new(config.public_url.clone())).build(Arc::new(NoUploads)).unwrap();
        let tokens = Arc::new(NoTokens);
        config.sockets = Some(sync::layer(moodify.playback().clone(), tokens, &SyncConfig::default()).0);
        config.allowed_origins = vec![Origin::parse("https://app.example.com").unwrap()];
    });
    let path = "/socket.io/?EIO=4&transport=polling";
    let opened = ask(&world, Method::GET, path, &[("origin", "https://app.example.com")]).await;
    assert_eq!(opened.status, 200);
    assert!(opened.text().starts_with("0{"), "{}", opened.text());
    assert_eq!(opened.header("access-control-allow-origin"), "https://app.example.com");
    let foreign = ask(&world, Method::GET, path, &[("origin", "https://evil.example.com")]).await;
    assert_eq!(foreign.header("access-control-allow-origin"), "");
    let unknown =
        ask(&world, Method::GET, "/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA", &[]).await;
    unknown.problem(400, "bad_request");
    let wrong = ask(&world, Method::GET, "/socket.io/?EIO=3&transport=carrier-pigeon", &[]).await;
    wrong.problem(400, "bad_request");
}

#[tokio::test]
async fn a_process_may_serve_one_service() {
    let paths = [("/v1/me", true, false), ("/v1/tracks", false, true), ("/media/audio/x", false, true)];
    for (services, auth, music) in [
        (Services::AUTH, true, false),
        (Services::MUSIC, false, true),
        (Services::NOTIFICATION, false, false),
        (Services::SYNC, false, false),
    ] {
        let world = World::with(|config| config.services = services);
        for (path, is_auth, is_music) in paths {
            let here = world.get(path, "").await.status != 404;
            assert_eq!(here, (auth && is_auth) || (music && is_music), "{services:?} {path}");
        }
        world.get("/health/live", "").await.json(200);
        let document = world.get("/openapi.json", "").await.json(200);
        assert_eq!(document["paths"]["/v1/me"].is_object(), auth);
        assert_eq!(document["paths"]["/v1/tracks"].is_object(), music);
    }
}

#[tokio::test]
async fn the_documentation_works_offline() {
    let world = World::new();
    let redirect = world.get("/docs", "").await;
    assert!(redirect.status.is_redirection());
    assert_eq!(redirect.header("location"), "/docs/");
    let page = world.get("/docs/", "").await;
    assert_eq!(page.status, 200);
    let html = page.text();
    assert!(!html.contains("http://") && !html.contains("https://"), "{html}");
    assert!(!html.contains("<script>"), "the policy allows no inline script: {html}");
    for asset in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        assert_eq!(world.get(&format!("/docs/{asset}"), "").await.status, 200, "{asset}");
    }
    assert!(world.get("/docs/swagger-initializer.js", "").await.text().contains("/openapi.json"));
    world.get("/docs/nothing", "").await.problem(404, "not_found");
}
