//! No request takes for ever.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};

use crate::problem::Problem;
use crate::sync::is_socket;

/// How long an answer may take to begin, and whose fault it is when it does not.
#[derive(Clone, Copy)]
pub(crate) enum Deadline {
    /// The request is complete within moments: the server is slow.
    Server(Duration),
    /// The body makes up most of the time: the client is slow.
    Client(Duration),
}

/// Gives up on a request whose answer does not begin in time.
pub(crate) async fn timeout(State(deadline): State<Deadline>, request: Request, next: Next) -> Response {
    let (Deadline::Server(limit) | Deadline::Client(limit)) = deadline;
    match (tokio::time::timeout(limit, next.run(request)).await, deadline) {
        (Ok(response), _) => response,
        (Err(_), Deadline::Client(_)) => Problem::too_slow().into_response(),
        (Err(_), Deadline::Server(_)) => {
            let detail = "This took too long; try again later.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", detail)
                .retry_after(Duration::from_secs(5))
                .caused_by(format!("no answer within {limit:?}"))
                .into_response()
        }
    }
}

/// Gives up on what a polling socket says and does not end.
pub(crate) async fn said(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    if request.method() == Method::POST && is_socket(request.uri().path()) {
        return timeout(State(Deadline::Client(limit)), request, next).await;
    }
    next.run(request).await
}
