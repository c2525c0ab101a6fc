use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures::StreamExt;

use crate::problem::Problem;

/// Reads a whole small body, which must be there within `limit`.
pub(super) async fn read(body: Body, max_bytes: usize, limit: Duration) -> Result<Bytes, Problem> {
    let mut stream = body.into_data_stream();
    let reading = tokio::time::timeout(limit, collect(&mut stream, max_bytes));
    reading.await.unwrap_or_else(|_| Err(Problem::too_slow()))
}

async fn collect(stream: &mut BodyDataStream, max_bytes: usize) -> Result<Bytes, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| malformed_body())?;
        if bytes.len() + piece.len() > max_bytes {
            return Err(Problem::too_large(max_bytes as u64));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.into())
}

/// The body broke off, or is not framed as HTTP demands.
pub(super) fn malformed_body() -> Problem {
    Problem::new(http::StatusCode::BAD_REQUEST, "malformed_body", "The body of the request is broken.")
}
