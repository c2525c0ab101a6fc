use axum::extract::State;
use http::StatusCode;
use moodify_core::model::TrackId;

use crate::app::App;
use crate::extract::{Bearer, IfMatch, IfMatchParam, PathId};
use crate::openapi::problems::{NotOwner, TrackNotFound};
use crate::problem::Problem;

/// Delete one of your tracks
///
/// Its media is gone too, and its place in playlists.
#[utoipa::path(
    delete,
    path = "/v1/tracks/{track_id}",
    operation_id = "delete_track",
    tag = "tracks",
    security(("access_token" = [])),
    params(
        ("track_id" = uuid::Uuid, Path),
        IfMatchParam,
    ),
    responses(
        (status = 204, description = "Gone."),
        NotOwner, TrackNotFound,
    ),
)]
pub(crate) async fn delete_track(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<TrackId>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Problem> {
    app.moodify.catalog().delete_track(&caller, id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
