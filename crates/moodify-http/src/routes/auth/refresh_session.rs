use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use http::StatusCode;
use moodify_core::Error;
use serde::Deserialize;
use utoipa::ToSchema;

use super::cookie::RefreshToken;
use super::session::{SessionBody, SessionKind};
use crate::app::App;
use crate::openapi::problems::CrossSiteRequest;
use crate::problem::Problem;

/// The newest refresh token of a session.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = RefreshRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshBody {
    /// Left out when the session is in a cookie; then the whole body may be left out.
    pub(super) refresh_token: Option<String>,
}

/// Get the next access token
///
/// The refresh token rotates: keep the new one. An old one that comes back later ends the session. A
/// session in a cookie stays in one, and is taken only from pages of this site.
#[utoipa::path(
    post,
    path = "/v1/auth/refresh",
    operation_id = "refresh_session",
    tag = "auth",
    security((), ("session_cookie" = [])),
    request_body = RefreshBody,
    responses(
        (status = 200, description = "Still signed in.", body = SessionBody),
        CrossSiteRequest,
    ),
)]
pub(crate) async fn refresh_session(
    State(app): State<App>,
    RefreshToken { token, in_cookie }: RefreshToken,
) -> Result<Response, Problem> {
    match app.moodify.accounts().refresh(&token).await {
        Ok(signed_in) => {
            let kind = if in_cookie { SessionKind::Cookie } else { SessionKind::Token };
            SessionBody::answer(&app, StatusCode::OK, signed_in, kind)
        }
        // A dead session has no cookies.
        Err(dead @ Error::Unauthenticated(_)) if in_cookie => {
            Ok((AppendHeaders(app.cookies.clear()?), Problem::from(dead)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
