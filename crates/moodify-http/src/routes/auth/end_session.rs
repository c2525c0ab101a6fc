use axum::extract::State;
use http::StatusCode;
use moodify_core::model::SessionId;

use crate::app::App;
use crate::extract::{Bearer, PathId};
use crate::openapi::problems::SessionNotFound;
use crate::problem::Problem;

/// End one of your sessions
///
/// Its refresh token is dead at once and its sockets close; your account is closed to its access
/// token, and the rest when that runs out.
#[utoipa::path(
    delete,
    path = "/v1/me/sessions/{session_id}",
    operation_id = "end_session",
    tag = "auth",
    security(("access_token" = [])),
    params(("session_id" = uuid::Uuid, Path)),
    responses((status = 204, description = "Ended."), SessionNotFound),
)]
pub(crate) async fn end_session(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<SessionId>,
) -> Result<StatusCode, Problem> {
    app.moodify.accounts().end_session(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
