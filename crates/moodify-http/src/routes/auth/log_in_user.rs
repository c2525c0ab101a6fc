use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use moodify_core::model::Role;

use super::session::{LogInBody, SessionBody, log_in};
use crate::app::App;
use crate::extract::{Client, JsonBody, Program};
use crate::openapi::problems::{CrossSiteRequest, InvalidCredentials};
use crate::problem::Problem;

/// Log in as a listener
#[utoipa::path(
    post,
    path = "/v1/auth/users/login",
    operation_id = "log_in_user",
    tag = "auth",
    request_body = LogInBody,
    responses((status = 200, description = "Signed in.", body = SessionBody), InvalidCredentials, CrossSiteRequest),
)]
pub(crate) async fn log_in_user(
    State(app): State<App>,
    Client(from): Client,
    Program(user_agent): Program,
    headers: HeaderMap,
    JsonBody(body): JsonBody<LogInBody>,
) -> Result<Response, Problem> {
    log_in(&app, body, Role::User, user_agent, (from, &headers)).await
}
