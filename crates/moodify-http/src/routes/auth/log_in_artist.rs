use axum::extract::State;
use axum::response::Response;
use moodify_core::model::Role;

use super::session::{LogInBody, SessionBody, log_in};
use crate::app::App;
use crate::extract::{JsonBody, Program};
use crate::openapi::problems::InvalidCredentials;
use crate::problem::Problem;

/// Log in as an artist
#[utoipa::path(
    post,
    path = "/v1/auth/artists/login",
    operation_id = "log_in_artist",
    tag = "auth",
    request_body = LogInBody,
    responses((status = 200, description = "Signed in.", body = SessionBody), InvalidCredentials),
)]
pub(crate) async fn log_in_artist(
    State(app): State<App>,
    Program(user_agent): Program,
    JsonBody(body): JsonBody<LogInBody>,
) -> Result<Response, Problem> {
    log_in(&app, user_agent, body, Role::Artist).await
}
