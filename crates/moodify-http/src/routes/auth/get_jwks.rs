use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use moodify_core::service::KeyRing;
use utoipa::ToSchema;

use crate::app::App;
use crate::etag;
use crate::problem::Problem;

/// Public keys (RFC 7517).
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents moodify_core's Jwks, which is what is sent")]
pub(crate) struct Jwks {
    /// Newest first: those that will sign soon, the one that signs, and those whose tokens may still
    /// be around.
    #[schema(value_type = Vec<Object>)]
    keys: Vec<serde_json::Value>,
}

/// The public keys that verify access tokens
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "get_jwks",
    tag = "auth",
    responses((status = 200, description = "Public keys; keep them for a minute.", body = Jwks)),
)]
pub(crate) async fn get_jwks(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    // Until a new key signs, everybody has asked again.
    let cached = format!("public, max-age={}", KeyRing::PUBLISHED_TTL.as_secs());
    let mut response = etag::read(&headers, None, &app.moodify.accounts().jwks().await?)?;
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_str(&cached).map_err(Problem::internal)?);
    response.headers_mut().remove(header::VARY);
    Ok(response)
}
