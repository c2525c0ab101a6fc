use axum::extract::State;
use http::StatusCode;
use moodify_core::model::TrackId;

use crate::app::App;
use crate::extract::{Bearer, PathId};
use crate::openapi::problems::TrackNotFound;
use crate::problem::Problem;

/// Take a like back
///
/// Doing it again changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/me/likes/{track_id}",
    operation_id = "unlike_track",
    tag = "library",
    security(("access_token" = [])),
    params(("track_id" = uuid::Uuid, Path)),
    responses((status = 204, description = "You do not like it."), TrackNotFound),
)]
pub(crate) async fn unlike_track(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<TrackId>,
) -> Result<StatusCode, Problem> {
    app.moodify.catalog().unlike(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
