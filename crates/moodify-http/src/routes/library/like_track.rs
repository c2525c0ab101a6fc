use axum::extract::State;
use http::StatusCode;
use moodify_core::model::TrackId;

use crate::app::App;
use crate::extract::{Bearer, PathId};
use crate::openapi::problems::TrackNotFound;
use crate::problem::Problem;

/// Like a track
///
/// Doing it again changes nothing.
#[utoipa::path(
    put,
    path = "/v1/me/likes/{track_id}",
    operation_id = "like_track",
    tag = "library",
    security(("access_token" = [])),
    params(("track_id" = uuid::Uuid, Path)),
    responses((status = 204, description = "You like it."), TrackNotFound),
)]
pub(crate) async fn like_track(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<TrackId>,
) -> Result<StatusCode, Problem> {
    app.moodify.catalog().like(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
