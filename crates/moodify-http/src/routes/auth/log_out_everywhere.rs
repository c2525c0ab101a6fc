use axum::extract::State;
use axum::response::Response;

use super::cookie::gone;
use crate::app::App;
use crate::extract::Bearer;
use crate::problem::Problem;

/// End all your sessions, this one too
///
/// As with one: refresh tokens are dead at once, sockets close, access tokens run out by themselves.
#[utoipa::path(
    post,
    path = "/v1/auth/logout-all",
    operation_id = "log_out_everywhere",
    tag = "auth",
    security(("access_token" = [])),
    responses((status = 204, description = "Signed out everywhere.")),
)]
pub(crate) async fn log_out_everywhere(
    State(app): State<App>,
    Bearer(caller): Bearer,
) -> Result<Response, Problem> {
    app.moodify.accounts().log_out_everywhere(&caller).await?;
    gone(&app)
}
