//! What is logged, and that no secret is.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Method;
use serde_json::json;
use tracing::Level;
use tracing::subscriber::set_global_default;

use crate::support::{PASSWORD, World};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn requests_are_logged_without_secrets() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone());
    // For all threads: with one for this thread alone, what other tests reach first stays silent.
    set_global_default(subscriber.finish()).unwrap();
    let world = World::new();
    let nina = world.artist("Nina").await;
    let track = world.track(&nina, "Slow Tide").await;
    let url = track["audio_url"].as_str().unwrap().strip_prefix("http://music.test").unwrap();
    assert_eq!(world.get(url, "").await.status, 200);
    let body = json!({"email": "nina@example.com", "password": PASSWORD});
    world.post("/v1/auth/artists/login", "", body).await.json(200);
    let body = json!({"refresh_token": nina.refresh_token});
    world.post("/v1/auth/refresh", "", body.clone()).await.json(200);
    world.get("/v1/tracks?q=my-secret-wish", &nina.token).await.json(200);
    let answer = world.get("/v1/me", &format!("{}x", nina.token)).await;
    let mut from_somewhere = world.request(Method::GET, "/v1/me", &nina.token).body(Body::empty()).unwrap();
    from_somewhere.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 4711))));
    world.send(from_somewhere).await.json(200);

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let path = url.split('?').next().unwrap();
    let lines: Vec<&str> =
        text.lines().filter(|line| line.contains("answered") && line.contains(path)).collect();
    let [line] = lines.as_slice() else { panic!("one line for each request: {lines:?}") };
    let size = format!("bytes={}", world.get(url, "").await.body.len());
    for wanted in [&*size, "method=GET", "elapsed_ms=", "moodify_http::access", "request_id="] {
        assert!(line.contains(wanted), "{wanted} is missing in {line}");
    }
    for wanted in [
        answer.header("x-request-id"),
        "/media/{kind}/{name}",
        "status=200",
        "status=401",
        "/v1/auth/refresh",
        "client=192.0.2.7",
    ] {
        assert!(text.contains(wanted), "{wanted} is missing in:\n{text}");
    }
    assert!(text.contains(nina.body["id"].as_str().unwrap()), "the account is missing in:\n{text}");
    let signature = url.rsplit("sig=").next().unwrap();
    let token_tail = nina.token.rsplit('.').next().unwrap();
    for secret in [PASSWORD, signature, token_tail, &nina.refresh_token, "my-secret-wish", "nina@example.com"]
    {
        assert!(!text.contains(secret), "{secret} is in:\n{text}");
    }
}
