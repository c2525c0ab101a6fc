//! What happens around the socket library.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use futures::future::{BoxFuture, FutureExt, ready};
use http::{Method, Request};
use moodify_core::config::LimitsConfig;
use moodify_core::model::Caller;
use moodify_core::{AuthFailure, Config, Error, Moodify};
use moodify_http::HttpConfig;
use moodify_http::sync::{self, Authenticator, SyncConfig};

use crate::support::{Answer, NoUploads, World};

struct NoTokens;

impl Authenticator for NoTokens {
    fn authenticate<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Caller, Error>> {
        ready(Err(AuthFailure::InvalidToken.into())).boxed()
    }
}

fn with_sockets(config: &mut HttpConfig) {
    let moodify =
        Moodify::builder(Config::new(config.public_url.clone())).build(Arc::new(NoUploads)).unwrap();
    let layer = sync::layer(moodify.playback().clone(), Arc::new(NoTokens), &SyncConfig::default()).0;
    config.sockets = Some(layer);
}

async fn ask(world: &World, method: Method, path: &str, body: Body) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("host", "x").body(body).unwrap();
    let home = SocketAddr::new(IpAddr::from([192, 0, 2, 1]), 4711);
    request.extensions_mut().insert(ConnectInfo(home));
    world.send(request).await
}

#[tokio::test(start_paused = true)]
async fn what_a_socket_says_has_to_end() {
    let world = World::with(with_sockets);
    let opened = ask(&world, Method::GET, "/socket.io/?EIO=4&transport=polling", Body::empty()).await;
    let opened = opened.text();
    let sid = opened.split('"').nth(3).unwrap();
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    let never = Body::from_stream(futures::stream::pending::<std::io::Result<Bytes>>());
    let said = ask(&world, Method::POST, &path, never);
    let answer = tokio::time::timeout(Duration::from_secs(60 * 60), said).await.expect("an answer");
    answer.problem(408, "request_timeout");
}

#[tokio::test]
async fn sockets_are_counted_however_their_path_ends() {
    let limits = LimitsConfig { requests_per_minute: 5, ..LimitsConfig::OFF };
    for path in ["/socket.io", "/socket.io/", "/socket.io/x"] {
        let world = World::build(|core| core.limits = limits, with_sockets);
        let mut answers = Vec::new();
        for _ in 0..100 {
            let path = format!("{path}?EIO=4&transport=polling");
            answers.push(ask(&world, Method::GET, &path, Body::empty()).await.status.as_u16());
        }
        assert_eq!(answers[0], 200, "{path}");
        assert_eq!(*answers.last().unwrap(), 429, "{path}");

        let world = World::with(with_sockets);
        let refused = ask(&world, Method::GET, &format!("{path}?EIO=3"), Body::empty()).await;
        refused.problem(400, "bad_request");
    }
    let world = World::build(|core| core.limits = limits, with_sockets);
    for _ in 0..100 {
        ask(&world, Method::GET, "/socket.iota", Body::empty()).await.problem(404, "not_found");
    }
}
