//! Takes connections and serves each until it ends. `axum::serve` would do, but gives a client for
//! ever to write the head of a request: a few thousand that never do would use up all files.

use std::{future::Future, time::Duration};

use axum::{Router, serve::Listener};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long the head of a request may take to come, counted from when the connection could bring
/// it: also the longest that one may stay open between two requests. Longer than a load balancer
/// keeps an idle one (60 s), so that none of its requests meets a closing door.
pub(super) const HEAD_PATIENCE: Duration = Duration::from_secs(75);

/// Serves until it is told to stop, then until all requests are answered.
pub(super) async fn serve<L: Listener>(
    mut listener: L,
    router: Router,
    head_patience: Duration,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    while let Some((io, _)) = stop.run_until_cancelled(listener.accept()).await {
        connections.spawn(connection(io, router.clone(), head_patience, stop.clone()));
    }
    // Who connects from now on is refused.
    drop(listener);
    connections.close();
    connections.wait().await;
}

fn connection<I>(
    io: I,
    router: Router,
    head_patience: Duration,
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_patience)
        .serve_connection(TokioIo::new(io), TowerToHyperService::new(router))
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
        let server = tokio::spawn(serve(listener, router, Duration::from_millis(300), stop.clone()));

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
}
