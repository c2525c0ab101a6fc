//! Multipart bodies as a stream of parts, in bounded memory.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use bytes::Bytes;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use http::{StatusCode, header};
use moodify_core::model::ByteStream;

use super::body::malformed_body;
use crate::app::App;
use crate::problem::Problem;

/// A `multipart/form-data` body.
pub(crate) struct UploadBody {
    parts: Multipart,
    unclaimed: Arc<AtomicU64>,
}

/// One part of the body.
pub(crate) struct Part<'a> {
    field: Field<'a>,
    unclaimed: Arc<AtomicU64>,
}

/// Why a body was cut off.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the body has more than {0} bytes")]
    TooLarge(u64),
    #[error("the body came too slowly")]
    TooSlow,
    #[error("the head of a part is too large")]
    Overhead,
}

impl FromRequest<App> for UploadBody {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (limit, pause) = (app.max_body_bytes(), app.config.limits.body);
        let announced = request.headers().get(header::CONTENT_LENGTH);
        let announced: Option<u64> = announced.and_then(|value| value.to_str().ok()?.parse().ok());
        if announced.is_some_and(|bytes| bytes > limit) {
            return Err(Problem::too_large(limit));
        }
        let unclaimed = Arc::new(AtomicU64::new(0));
        let guard = |body| Body::from_stream(Guarded::new(body, limit, pause, unclaimed.clone()));
        let mut request = request.map(guard);
        // `Guarded` counts; axum's own limit would stop at 2 MB.
        DefaultBodyLimit::disable().apply(&mut request);
        let parts = Multipart::from_request(request, app).await.map_err(|_| {
            let detail = "Send the body as multipart/form-data with a boundary.";
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
        })?;
        Ok(Self { parts, unclaimed })
    }
}

impl UploadBody {
    /// The next part; what is left of the one before is skipped.
    pub(crate) async fn next(&mut self) -> Result<Option<Part<'_>>, Problem> {
        let field = self.parts.next_field().await.map_err(|fault| multipart_fault(&fault))?;
        self.unclaimed.store(0, Ordering::Relaxed);
        Ok(field.map(|field| Part { field, unclaimed: self.unclaimed.clone() }))
    }
}

impl<'a> Part<'a> {
    /// The part's name.
    pub(crate) fn name(&self) -> &str {
        self.field.name().unwrap_or_default()
    }

    /// The part's bytes.
    pub(crate) fn into_stream(self) -> ByteStream<'a> {
        let unclaimed = self.unclaimed;
        let pieces = self.field.inspect_ok(move |_| unclaimed.store(0, Ordering::Relaxed));
        pieces.map_err(io::Error::other).boxed()
    }

    /// The part as a short text.
    pub(crate) async fn text(self) -> Result<String, Problem> {
        /// More than the longest field needs in any spelling.
        const MAX_BYTES: usize = 16 * 1024;
        let pointer = format!("/{}", self.name());
        let mut body = self.into_stream();
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece.map_err(|fault| multipart_fault(&fault))?);
            if bytes.len() > MAX_BYTES {
                return Err(Problem::invalid_field(pointer, "too_long", "This is too long."));
            }
        }
        String::from_utf8(bytes)
            .map_err(|_| Problem::invalid_field(pointer, "invalid_utf8", "This is not text in UTF-8."))
    }
}

/// A body that is one file, which may not stand still for longer than `pause`. Whoever takes it knows how long
/// it has to be.
pub(crate) fn plain_body(body: Body, pause: Duration) -> ByteStream<'static> {
    let unclaimed = Arc::new(AtomicU64::new(0));
    let body = Guarded::new(body, u64::MAX, pause, unclaimed.clone());
    // There are no parts whose heads could be too large.
    body.inspect(move |_| unclaimed.store(0, Ordering::Relaxed)).boxed()
}

/// What a broken multipart body is answered with; whoever sent it caused it.
pub(crate) fn multipart_fault(fault: &(dyn Error + 'static)) -> Problem {
    let mut malformed = false;
    for cause in std::iter::successors(Some(fault), |cause| below(*cause)) {
        malformed |= cause.is::<MultipartError>();
        match cause.downcast_ref::<Fault>() {
            Some(Fault::TooLarge(limit)) => return Problem::too_large(*limit),
            Some(Fault::TooSlow) => return Problem::too_slow(),
            Some(Fault::Overhead) | None => {}
        }
    }
    if !malformed {
        return malformed_body();
    }
    let detail = "The body is not well-formed multipart/form-data, or ends early.";
    Problem::new(StatusCode::BAD_REQUEST, "malformed_multipart", detail)
}

/// What an error was made from. An `io::Error` hides it: its `source` is one further down.
fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}

/// A body that keeps the multipart parser honest. The parser reads for as long as the body is
/// ready, and collects everything until it finds the end of a part's head: without this both would
/// take memory as large as the body.
struct Guarded {
    body: BodyDataStream,
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
    pause: Duration,
    limit: u64,
    left: u64,
    unclaimed: Arc<AtomicU64>,
    paced: bool,
}

impl Stream for Guarded {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // After each piece the parser gets to work before it gets the next one.
        if std::mem::take(&mut self.paced) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.body.poll_next_unpin(cx) {
            Poll::Ready(Some(Ok(piece))) => {
                self.timer = None;
                self.paced = true;
                Poll::Ready(Some(self.account(piece)))
            }
            Poll::Ready(Some(Err(fault))) => Poll::Ready(Some(Err(io::Error::other(fault)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => self.poll_timer(cx),
        }
    }
}

impl Guarded {
    fn new(body: Body, limit: u64, pause: Duration, unclaimed: Arc<AtomicU64>) -> Self {
        let body = body.into_data_stream();
        Self { body, timer: None, pause, limit, left: limit, unclaimed, paced: false }
    }

    fn account(&mut self, piece: Bytes) -> io::Result<Bytes> {
        /// The most that a part's head, with the boundary before it, may have.
        const MAX_OVERHEAD: u64 = 64 * 1024;
        let len = piece.len() as u64;
        self.left =
            self.left.checked_sub(len).ok_or_else(|| io::Error::other(Fault::TooLarge(self.limit)))?;
        let before = self.unclaimed.fetch_add(len, Ordering::Relaxed);
        if before > MAX_OVERHEAD { Err(io::Error::other(Fault::Overhead)) } else { Ok(piece) }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let pause = self.pause;
        let timer = self.timer.get_or_insert_with(|| Box::pin(timer(pause)));
        match timer.poll_unpin(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(io::Error::other(Fault::TooSlow)))),
            Poll::Pending => Poll::Pending,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "guards a socket against real time, like every timeout here")]
fn timer(pause: Duration) -> tokio::time::Sleep {
    tokio::time::sleep(pause)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures::stream;

    use super::*;

    #[tokio::test]
    async fn the_parser_collects_neither_bodies_nor_heads() {
        let heads: [&[u8]; 3] = [
            b"--x\r\nContent-Disposition: form-data; name=\"audio\"\r\n\r\n",
            b"--x\r\nX-Long: ",
            b"no boundary at all",
        ];
        for head in heads {
            let sent = Arc::new(AtomicUsize::new(0));
            let counter = sent.clone();
            let pieces = stream::iter(0..1_000).map(move |index| {
                counter.fetch_add(1, Ordering::Relaxed);
                Ok::<_, io::Error>(if index == 0 { head.to_vec() } else { vec![b'a'; 64 * 1024] })
            });
            let unclaimed = Arc::new(AtomicU64::new(0));
            let body =
                Guarded::new(Body::from_stream(pieces), u64::MAX, Duration::from_secs(15), unclaimed.clone());
            let request = Request::post("/").header("content-type", "multipart/form-data; boundary=x");
            let request = request.body(Body::from_stream(body)).unwrap_or_default();
            let parts = Multipart::from_request(request, &()).await.unwrap();
            let mut body = UploadBody { parts, unclaimed };
            // Whether a part was found or the parser gave up: it read only a few pieces ahead.
            let found = body.next().await.map(|part| part.is_some());
            assert_eq!(found.is_ok_and(|found| found), head.ends_with(b"\r\n\r\n"));
            let read = sent.load(Ordering::Relaxed);
            assert!(read < 6, "{read} pieces were read for {head:?}");
        }
    }
}
