use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use moodify_core::model::{EntryId, PlaylistId};

use super::playlist::PlaylistWithEntries;
use crate::app::App;
use crate::extract::{Bearer, IfMatch, IfMatchParam, PathId};
use crate::openapi::problems::{EntryNotFound, NotOwner, PlaylistNotFound};
use crate::problem::Problem;

/// Take an entry out of one of your playlists
#[utoipa::path(
    delete,
    path = "/v1/playlists/{playlist_id}/tracks/{entry_id}",
    operation_id = "remove_playlist_entry",
    tag = "playlists",
    security(("access_token" = [])),
    params(
        ("playlist_id" = uuid::Uuid, Path),
        ("entry_id" = uuid::Uuid, Path),
        IfMatchParam,
    ),
    responses(
        (status = 200, description = "The playlist as it is now.", body = PlaylistWithEntries, headers(
            ("ETag" = String, description = "For `If-None-Match` and `If-Match`."),
        )),
        NotOwner, PlaylistNotFound, EntryNotFound,
    ),
)]
pub(crate) async fn remove_playlist_entry(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<PlaylistId>,
    PathId(entry): PathId<EntryId>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let view = app.moodify.catalog().remove_entry(&caller, id, expected, entry).await?;
    PlaylistWithEntries::answer(StatusCode::OK, view)
}
