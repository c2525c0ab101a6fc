//! Takes connections and serves each until it ends. `axum::serve` would do, but gives a client for
//! ever to write the head of a request: a few thousand that never do would use up all files.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    serve::Listener,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::place::Placed;

/// How long the head of a request may take to come, counted from when the connection could bring
/// it: also the longest that one may stay open between two requests. Longer than a load balancer
/// keeps an idle one (60 s), so that none of its requests meets a closing door.
pub(super) const HEAD_PATIENCE: Duration = Duration::from_secs(75);

/// How much of a request is read ahead at most, its head included; many uploads at once are to take
/// little memory.
const READ_AHEAD_BYTES: usize = 64 * 1024;

/// How many are turned away at a time, each within a second: so many files are over the limit.
const TURNED_AWAY: usize = 64;

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How long the head of a request may take.
    pub(super) head_patience: Duration,
    /// How many connections may be open.
    pub(super) connections: usize,
}

/// Serves until it is told to stop, then until all requests are answered.
pub(super) async fn serve<L: Listener<Addr = SocketAddr>>(
    mut listener: L,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    let places = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
    let (served, turned_away) = (places(limits.connections), places(TURNED_AWAY));
    while let Some((io, peer)) = stop.run_until_cancelled(listener.accept()).await {
        if let Ok(place) = served.clone().try_acquire_owned() {
            let io = Placed::new(io, place);
            connections.spawn(connection(io, peer, router.clone(), limits.head_patience, stop.clone()));
        } else if let Ok(place) = turned_away.clone().try_acquire_owned() {
            connections.spawn(turn_away(Placed::new(io, place)));
        }
        // And when even those are too many, the connection just closes.
    }
    // Who connects from now on is refused.
    drop(listener);
    connections.close();
    connections.wait().await;
}

fn connection<I>(
    io: I,
    peer: SocketAddr,
    router: Router,
    head_patience: Duration,
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        hyper::service::Service::call(&router, request.map(Body::new))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_patience)
        .max_buf_size(READ_AHEAD_BYTES)
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    async move {
        let mut served = std::pin::pin!(served);
        let outcome = tokio::select! {
            outcome = &mut served => outcome,
            () = stop.cancelled() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = outcome {
            // The client's doing: it went, or wrote what is no HTTP.
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// Says that all places are taken, without reading what is asked: a request that nobody read has no id.
async fn turn_away(mut io: impl AsyncRead + AsyncWrite + Unpin) {
    const BODY: &str = concat!(
        r#"{"type":"about:blank","title":"Service Unavailable","status":503,"#,
        r#""detail":"Too many connections are open; try again later.","code":"unavailable"}"#,
    );
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
         cache-control: no-store\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len(),
    );
    let talk = async {
        io.write_all(answer.as_bytes()).await?;
        io.shutdown().await?;
        // Closing on what was not read would tear the answer away from the client.
        let mut ignored = [0; 1024];
        while io.read(&mut ignored).await? > 0 {}
        std::io::Result::Ok(())
    };
    if !matches!(tokio::time::timeout(Duration::from_secs(1), talk).await, Ok(Ok(()))) {
        tracing::debug!("who was turned away did not wait for the answer");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[tokio::test]
    async fn who_never_finishes_a_head_is_cut_and_others_are_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", axum::routing::get(async || "here"));
        let stop = CancellationToken::new();
        let limits = Limits { head_patience: Duration::from_millis(300), connections: 100 };
        let server = tokio::spawn(serve(listener, router, limits, stop.clone()));

        for sent in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"] {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(sent.as_bytes()).await.unwrap();
            // Only ends when the server closes.
            let mut heard = String::new();
            client.read_to_string(&mut heard).await.unwrap();
            assert_eq!(heard.contains("here"), sent.ends_with("\r\n\r\n"), "{sent:?} got {heard:?}");
        }

        stop.cancel();
        server.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    async fn exchange(client: &mut TcpStream) -> String {
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut heard = vec![0; 4096];
        let len = client.read(&mut heard).await.unwrap();
        String::from_utf8_lossy(&heard[..len]).into_owned()
    }

    #[tokio::test]
    async fn over_the_limit_new_connections_are_turned_away_and_open_ones_are_served() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", axum::routing::get(async || "here"));
        let stop = CancellationToken::new();
        let limits = Limits { head_patience: Duration::from_secs(60), connections: 3 };
        tokio::spawn(serve(listener, router, limits, stop.clone()));

        let mut inside = Vec::new();
        for _ in 0..3 {
            let mut client = TcpStream::connect(address).await.unwrap();
            assert!(exchange(&mut client).await.ends_with("here"));
            inside.push(client);
        }
        for _ in 0..100 {
            let mut late = TcpStream::connect(address).await.unwrap();
            let mut heard = String::new();
            late.read_to_string(&mut heard).await.unwrap();
            let (head, body) = heard.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("retry-after: 5"), "{head}");
            assert!(head.contains(&format!("content-length: {}", body.len())), "{head} {}", body.len());
        }
        for client in &mut inside {
            assert!(exchange(client).await.ends_with("here"), "who is inside is served");
        }
        inside.pop();
        loop {
            let mut next = TcpStream::connect(address).await.unwrap();
            if exchange(&mut next).await.ends_with("here") {
                break;
            }
        }
    }

    #[tokio::test]
    async fn the_router_learns_who_asks() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let say = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string();
        let router = Router::new().route("/", axum::routing::get(say));
        let limits = Limits { head_patience: Duration::from_secs(60), connections: 3 };
        tokio::spawn(serve(listener, router, limits, CancellationToken::new()));
        let mut client = TcpStream::connect(address).await.unwrap();
        let own = client.local_addr().unwrap().to_string();
        assert!(exchange(&mut client).await.ends_with(&own));
    }
}
