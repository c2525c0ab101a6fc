use axum::extract::State;
use http::StatusCode;
use moodify_core::model::PlaylistId;

use crate::app::App;
use crate::extract::{Bearer, IfMatch, IfMatchParam, PathId};
use crate::openapi::problems::{NotOwner, PlaylistNotFound};
use crate::problem::Problem;

/// Delete one of your playlists
///
/// Its tracks stay.
#[utoipa::path(
    delete,
    path = "/v1/playlists/{playlist_id}",
    operation_id = "delete_playlist",
    tag = "playlists",
    security(("access_token" = [])),
    params(
        ("playlist_id" = uuid::Uuid, Path),
        IfMatchParam,
    ),
    responses(
        (status = 204, description = "Gone."),
        NotOwner, PlaylistNotFound,
    ),
)]
pub(crate) async fn delete_playlist(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<PlaylistId>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Problem> {
    app.moodify.catalog().delete_playlist(&caller, id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
