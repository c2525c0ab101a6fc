//! What stands on every answer, of whatever kind it is.

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request};
use moodify_core::{Config, Moodify};
use moodify_http::Origin;
use moodify_http::sync::{self, SyncConfig};
use serde_json::json;

use crate::support::{Answer, Form, NoTokens, NoUploads, World};

fn world() -> World {
    World::with(|config| {
        let moodify =
            Moodify::builder(Config::new(config.public_url.clone())).build(Arc::new(NoUploads)).unwrap();
        let sockets = sync::layer(moodify.playback().clone(), Arc::new(NoTokens), &SyncConfig::default()).0;
        config.sockets = Some(sockets);
        config.public_url = "https://music.test".parse().unwrap();
        config.allowed_origins = vec![Origin::parse("https://app.example.com").unwrap()];
    })
}

#[track_caller]
fn assert_locked_down(answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status.as_u16(), status, "{what}: {:.200}", answer.text());
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer", "{what}");
    assert_eq!(answer.header("strict-transport-security"), "max-age=63072000", "{what}");
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{what}");
    for name in
        ["x-content-type-options", "content-security-policy", "strict-transport-security", "cache-control"]
    {
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{what}: {name}");
    }
    assert!(!answer.header("x-request-id").is_empty(), "{what}");
    for name in ["server", "x-powered-by"] {
        assert!(answer.headers.get(name).is_none(), "{what}: {name}");
    }
}

#[tokio::test]
async fn every_kind_of_answer_is_locked_down() {
    let world = world();
    let nina = world.artist("nina").await;
    let track = world.track(&nina, "Slow Tide").await;
    let address =
        |name: &str| track[name].as_str().unwrap().strip_prefix("http://music.test").unwrap().to_owned();
    let (audio, cover) = (address("audio_url"), address("cover_url"));
    let forged = format!("{audio}x");
    let etag = world.get(&audio, "").await.header("etag").to_owned();
    let document = world.get("/openapi.json", "").await.header("etag").to_owned();
    let sockets = "/socket.io/?EIO=4&transport=polling";
    for (method, path, headers, status) in [
        (Method::GET, &*audio, vec![], 200),
        (Method::HEAD, &*audio, vec![], 200),
        (Method::GET, &*cover, vec![], 200),
        (Method::GET, &*audio, vec![("range", "bytes=0-9")], 206),
        (Method::GET, &*audio, vec![("range", "bytes=99999999-")], 416),
        (Method::GET, &*audio, vec![("if-none-match", &*etag)], 304),
        (Method::GET, &*forged, vec![], 403),
        (Method::GET, "/media/audio/x", vec![], 403),
        (Method::GET, "/nothing", vec![], 404),
        (Method::GET, "/v1/tracks", vec![], 401),
        (Method::PUT, "/v1/tracks", vec![], 405),
        (Method::OPTIONS, "/v1/tracks", vec![], 204),
        (
            Method::OPTIONS,
            "/v1/tracks",
            vec![("origin", "https://app.example.com"), ("access-control-request-method", "POST")],
            204,
        ),
        (
            Method::OPTIONS,
            "/v1/tracks",
            vec![("origin", "https://evil.example"), ("access-control-request-method", "POST")],
            204,
        ),
        (Method::GET, "/docs", vec![], 303),
        (Method::GET, "/docs/", vec![], 200),
        (Method::GET, "/docs/swagger-ui.css", vec![], 200),
        (Method::GET, "/docs/nothing", vec![], 404),
        (Method::GET, "/openapi.json", vec![], 200),
        (Method::GET, "/openapi.json", vec![("if-none-match", &*document)], 304),
        (Method::GET, "/health/live", vec![], 200),
        (Method::GET, "/health/ready", vec![], 200),
        (Method::GET, "/metrics", vec![], 404),
        (Method::GET, sockets, vec![], 200),
        (Method::GET, "/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA", vec![], 400),
        (Method::GET, "/socket.io/?EIO=3&transport=carrier-pigeon", vec![], 400),
        (Method::DELETE, sockets, vec![], 400),
        (Method::GET, "/health/live", vec![("host", "a.example"), ("host", "b.example")], 400),
    ] {
        let what = format!("{method} {path} {headers:?}");
        let request =
            headers.iter().fold(Request::builder().method(method).uri(path), |r, (n, v)| r.header(*n, *v));
        assert_locked_down(&world.send(request.body(Body::empty()).unwrap()).await, status, &what);
    }
}

#[tokio::test]
async fn refused_bodies_are_answered_no_more_openly() {
    let world = world();
    let nina = world.artist("nina").await;
    for (content_type, body, status) in [
        ("application/json", "{".to_owned(), 400),
        ("application/json", " ".repeat(100_000), 413),
        ("text/plain", "{}".to_owned(), 415),
        ("application/json", "{}".to_owned(), 422),
    ] {
        let request = world.request(Method::POST, "/v1/playlists", &nina.token);
        let request = request.header("content-type", content_type).body(Body::from(body)).unwrap();
        assert_locked_down(&world.send(request).await, status, content_type);
    }
    let no_tune = Form::new().text("title", "T").file("audio", b"no tune").upload(&nina.token);
    assert_locked_down(&world.send(no_tune).await, 422, "an upload");
    let taken = json!({
        "email": "nina@example.com", "password": "low tide, low water", "first_name": "N", "last_name": "N",
    });
    assert_locked_down(&world.post("/v1/auth/users/signup", "", taken).await, 409, "a conflict");
}
