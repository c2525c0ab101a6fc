use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::session::SessionBody;
use crate::app::App;
use crate::extract::JsonBody;
use crate::openapi::problems::InvalidRefreshToken;
use crate::problem::Problem;

/// The newest refresh token of a session.
#[derive(Deserialize, ToSchema)]
#[schema(as = RefreshRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshBody {
    refresh_token: String,
}

/// Get the next access token
///
/// The refresh token rotates: keep the new one. An old one that comes back later ends the session.
#[utoipa::path(
    post,
    path = "/v1/auth/refresh",
    operation_id = "refresh_session",
    tag = "auth",
    request_body = RefreshBody,
    responses((status = 200, description = "Still signed in.", body = SessionBody), InvalidRefreshToken),
)]
pub(crate) async fn refresh_session(
    State(app): State<App>,
    JsonBody(body): JsonBody<RefreshBody>,
) -> Result<Response, Problem> {
    let signed_in = app.moodify.accounts().refresh(&body.refresh_token).await?;
    Ok(SessionBody::answer(StatusCode::OK, signed_in))
}
