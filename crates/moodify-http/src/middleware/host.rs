//! A request is for one host.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use crate::problem::Problem;

/// Refuses a request that names two: proxies and servers disagree about which one counts
/// (RFC 9112, 3.2).
pub(crate) async fn host(request: Request, next: Next) -> Response {
    if request.headers().get_all(header::HOST).iter().nth(1).is_some() {
        let detail = "Name one host.";
        return Problem::new(StatusCode::BAD_REQUEST, "ambiguous_host", detail).into_response();
    }
    next.run(request).await
}
