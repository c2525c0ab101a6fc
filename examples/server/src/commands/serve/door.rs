//! The way in, and how it is closed without shutting anybody's fingers in it.

use std::{future::pending, io, net::SocketAddr};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, header::CONNECTION},
    middleware::Next,
    response::Response,
    serve::Listener,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Takes connections until it is asked to close; then those that have come already, and no more.
///
/// Whoever connects has no way to know that nobody has seen them yet: the system answers for the
/// program. Were the listener dropped at once, their requests would break instead of being refused.
pub(super) struct Door {
    way: Way,
    address: SocketAddr,
    close: CancellationToken,
    closed: CancellationToken,
}

enum Way {
    Open(TcpListener),
    /// Without the runtime, which can be late to say that somebody waits.
    Closing(std::net::TcpListener),
    Closed,
}

impl Door {
    /// A door that closes when `close` is cancelled, and cancels `closed` when it has.
    pub(super) fn new(
        listener: TcpListener,
        address: SocketAddr,
        close: CancellationToken,
        closed: CancellationToken,
    ) -> Self {
        Self { way: Way::Open(listener), address, close, closed }
    }

    fn shut(&mut self, why: Option<&io::Error>) {
        if let Some(error) = why {
            tracing::warn!(%error, "connections that were waiting could not be taken");
        }
        self.way = Way::Closed;
        self.closed.cancel();
    }
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match &mut self.way {
                Way::Open(listener) => tokio::select! {
                    accepted = Listener::accept(listener) => return accepted,
                    () = self.close.cancelled() => match std::mem::replace(&mut self.way, Way::Closed) {
                        Way::Open(listener) => match listener.into_std() {
                            Ok(listener) => self.way = Way::Closing(listener),
                            Err(error) => self.shut(Some(&error)),
                        },
                        other => self.way = other,
                    },
                },
                Way::Closing(listener) => match waiting(listener) {
                    Ok(accepted) => return accepted,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.shut(None),
                    // They gave up while they waited.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    Err(error) => self.shut(Some(&error)),
                },
                Way::Closed => pending().await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Somebody who has come already.
fn waiting(listener: &std::net::TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, from) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((TcpStream::from_std(stream)?, from))
}

/// Once the process is asked to end, each answer asks its client to send nothing more on the
/// connection: a request that crosses its closing would break.
pub(super) async fn say_goodbye(
    State(closing): State<CancellationToken>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if closing.is_cancelled() && !response.headers().contains_key(CONNECTION) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware, routing::get};
    use futures::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn door() -> (Door, CancellationToken, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (close, closed) = (CancellationToken::new(), CancellationToken::new());
        (Door::new(listener, address, close.clone(), closed.clone()), close, closed)
    }

    #[tokio::test]
    async fn whoever_came_before_the_end_is_let_in_and_nobody_after() {
        let (mut door, close, closed) = door().await;
        let address = door.local_addr().unwrap();
        let early: Vec<_> = (0..5).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        close.cancel();
        for _ in &early {
            door.accept().await;
        }
        assert!(door.accept().now_or_never().is_none());
        assert!(closed.is_cancelled());
        assert!(std::net::TcpStream::connect(address).is_err());
    }

    #[tokio::test]
    async fn a_client_that_keeps_its_connection_learns_that_it_ends() {
        const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: moodify\r\n\r\n";
        let (door, close, _) = door().await;
        let mut client = TcpStream::connect(door.local_addr().unwrap()).await.unwrap();
        let router = Router::new().route("/", get(async || "here"));
        let router = router.layer(middleware::from_fn_with_state(close.clone(), say_goodbye));
        tokio::spawn(async { axum::serve(door, router).await });

        client.write_all(REQUEST).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"here") {
            client.read_buf(&mut answer).await.unwrap();
        }
        close.cancel();
        client.write_all(REQUEST).await.unwrap();
        answer.clear();
        client.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap().to_lowercase();
        assert!(answer.contains("connection: close") && answer.ends_with("here"), "{answer}");
    }
}
