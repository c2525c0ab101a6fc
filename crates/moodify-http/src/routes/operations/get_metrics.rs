use axum::extract::State;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use moodify_core::AuthFailure;
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::extract::token;
use crate::openapi::problems::NotFound;
use crate::problem::Problem;

/// The text format that every Prometheus reads.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Counts and times, for Prometheus
///
/// Where clients reach the server it takes the token that the operator set; without one this page is
/// at another address, or at none.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "get_metrics",
    tag = "operations",
    security((), ("metrics_token" = [])),
    responses(
        (status = 200, description = "How it is right now.", body = String,
            content_type = "text/plain; version=0.0.4; charset=utf-8"),
        NotFound,
    ),
)]
pub(crate) async fn get_metrics(State(app): State<App>, parts: Parts) -> Result<Response, Problem> {
    let metrics = app.config.metrics.as_ref().ok_or_else(|| Problem::from_status(StatusCode::NOT_FOUND))?;
    if let Some(expected) = &metrics.token {
        let given = token(&parts.headers)?.as_bytes();
        if !bool::from(given.ct_eq(expected.expose_secret().as_bytes())) {
            return Err(AuthFailure::InvalidToken.into());
        }
    }
    Ok(([(header::CONTENT_TYPE, FORMAT)], metrics.page.render().await).into_response())
}
