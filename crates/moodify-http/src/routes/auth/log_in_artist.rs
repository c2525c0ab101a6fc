use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use moodify_core::model::Role;

use super::session::{LogInBody, SessionBody, log_in};
use crate::app::App;
use crate::extract::{Client, JsonBody, Program};
use crate::openapi::problems::{CrossSiteRequest, InvalidCredentials};
use crate::problem::Problem;

/// Log in as an artist
#[utoipa::path(
    post,
    path = "/v1/auth/artists/login",
    operation_id = "log_in_artist",
    tag = "auth",
    request_body = LogInBody,
    responses((status = 200, description = "Signed in.", body = SessionBody), InvalidCredentials, CrossSiteRequest),
)]
pub(crate) async fn log_in_artist(
    State(app): State<App>,
    Client(from): Client,
    Program(user_agent): Program,
    headers: HeaderMap,
    JsonBody(body): JsonBody<LogInBody>,
) -> Result<Response, Problem> {
    log_in(&app, body, Role::Artist, user_agent, (from, &headers)).await
}
