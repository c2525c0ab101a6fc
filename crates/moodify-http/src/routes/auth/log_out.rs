use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::extract::Bearer;
use crate::problem::Problem;

/// End this session
///
/// Its refresh token is dead at once and its sockets close; the access token runs out by itself.
#[utoipa::path(
    post,
    path = "/v1/auth/logout",
    operation_id = "log_out",
    tag = "auth",
    security(("access_token" = [])),
    responses((status = 204, description = "Signed out.")),
)]
pub(crate) async fn log_out(State(app): State<App>, Bearer(caller): Bearer) -> Result<StatusCode, Problem> {
    app.moodify.accounts().log_out(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
