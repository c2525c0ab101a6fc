use axum::extract::State;
use axum::response::Response;

use super::cookie::gone;
use crate::app::App;
use crate::extract::Bearer;
use crate::problem::Problem;

/// Delete your account
///
/// At once and for good, with all sessions. Everything that belongs to it follows: tracks and their
/// media, playlists, likes, history.
#[utoipa::path(
    delete,
    path = "/v1/me",
    operation_id = "delete_me",
    tag = "auth",
    security(("access_token" = [])),
    responses((status = 204, description = "Deleted.")),
)]
pub(crate) async fn delete_me(State(app): State<App>, Bearer(caller): Bearer) -> Result<Response, Problem> {
    app.moodify.accounts().delete_account(&caller).await?;
    gone(&app)
}
