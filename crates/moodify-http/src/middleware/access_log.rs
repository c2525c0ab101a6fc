//! One line for each request, written when the last byte of its answer has gone out.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http::StatusCode;
use http_body::{Frame, SizeHint};
use tracing::Span;

/// What is known of a request once its answer begins. Its span tells the rest.
pub(super) struct Line {
    pub(super) span: Span,
    pub(super) path: String,
    pub(super) status: StatusCode,
    pub(super) elapsed: Duration,
}

/// The longest path that is worth a line.
const MAX_PATH_BYTES: usize = 512;

/// The path of a request as it goes into the log: without its query, where signatures and tokens
/// stand.
pub(super) fn path(uri: &http::Uri) -> String {
    let path = uri.path();
    path[..path.floor_char_boundary(MAX_PATH_BYTES)].to_owned()
}

/// A body that counts what is taken from it, and then writes the line.
pub(super) struct Counted {
    body: Body,
    line: Line,
    bytes: u64,
}

impl Counted {
    pub(super) fn new(body: Body, line: Line) -> Self {
        Self { body, line, bytes: 0 }
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Line { span, path, status, elapsed } = &self.line;
        // A client that left early, or a body that failed: as far as the answer was to go, it did not.
        let broken_off = self.body.size_hint().exact().is_some_and(|left| left > 0);
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let _entered = span.enter();
        tracing::info!(
            target: "moodify_http::access",
            path,
            status = status.as_u16(),
            elapsed_ms,
            bytes = self.bytes,
            broken_off = broken_off.then_some(true),
            "answered"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cut_short_whatever_stands_at_the_cut() {
        for (unit, kept) in [("a", 512), ("\u{e4}", 511), ("\u{20ac}", 511), ("\u{1f3b5}", 509)] {
            let uri: http::Uri = format!("/{}?token=secret", unit.repeat(10_000)).parse().unwrap();
            let path = path(&uri);
            assert_eq!(path.len(), kept, "{path:.20}");
        }
        assert_eq!(path(&"/v1/me?x=y".parse().unwrap()), "/v1/me");
    }
}
