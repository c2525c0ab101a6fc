//! Lets clients finish writing. Who still writes when the connection closes sees a broken pipe
//! and not the answer that explains why the rest was not wanted (RFC 9112, 9.6).

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::StatusCode;

use crate::app::App;

/// Longer than a listener's line needs for a song, and no burden: nothing is kept.
const PATIENCE: Duration = Duration::from_secs(10);

/// A proxy that lets a little more through than is taken here still reads the answer.
const TIMES_THE_LONGEST: u64 = 2;

/// Reads on and forgets what came when a request was refused before its end.
pub(crate) async fn linger(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let rest = Shared(Arc::new(Mutex::new(Some(body.into_data_stream()))));
    let response = next.run(Request::from_parts(parts, Body::from_stream(rest.clone()))).await;
    let status = response.status();
    let most = app.max_body_bytes().saturating_mul(TIMES_THE_LONGEST);
    let refused =
        (status.is_client_error() || status.is_server_error()) && status != StatusCode::REQUEST_TIMEOUT;
    if refused && tokio::time::timeout(PATIENCE, drain(rest, most)).await.is_err() {
        tracing::debug!("the client still writes after the refusal; the connection closes anyway");
    }
    response
}

async fn drain(mut rest: Shared, mut left: u64) {
    while let Some(Ok(piece)) = rest.next().await {
        left = left.saturating_sub(piece.len() as u64);
        if left == 0 {
            return;
        }
    }
}

/// A body that both the handler and [`linger`] hold; only one reads at a time. `None` at its end.
#[derive(Clone)]
struct Shared(Arc<Mutex<Option<BodyDataStream>>>);

impl Stream for Shared {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stream) = body.as_mut() else { return Poll::Ready(None) };
        let polled = stream.poll_next_unpin(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            *body = None;
        }
        polled
    }
}
