use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use moodify_core::model::{EntryId, PlaylistId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::playlist::PlaylistWithEntries;
use crate::app::App;
use crate::extract::{Bearer, IfMatch, IfMatchParam, JsonBody, Natural, PathId};
use crate::openapi::problems::{EntryNotFound, NotOwner, PlaylistNotFound};
use crate::problem::Problem;

/// Where an entry goes.
#[derive(Deserialize, ToSchema)]
#[schema(as = MovePlaylistEntryRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct MovePlaylistEntryBody {
    /// The index at which it stands afterwards, counted from 0; at the end if there are not so many.
    #[schema(value_type = i32, minimum = 0)]
    position: Natural,
}

/// Move an entry within one of your playlists
#[utoipa::path(
    patch,
    path = "/v1/playlists/{playlist_id}/tracks/{entry_id}",
    operation_id = "move_playlist_entry",
    tag = "playlists",
    security(("access_token" = [])),
    params(
        ("playlist_id" = uuid::Uuid, Path),
        ("entry_id" = uuid::Uuid, Path),
        IfMatchParam,
    ),
    request_body = MovePlaylistEntryBody,
    responses(
        (status = 200, description = "The playlist as it is now.", body = PlaylistWithEntries, headers(
            ("ETag" = String, description = "For `If-None-Match` and `If-Match`."),
        )),
        NotOwner, PlaylistNotFound, EntryNotFound,
    ),
)]
pub(crate) async fn move_playlist_entry(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<PlaylistId>,
    PathId(entry): PathId<EntryId>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<MovePlaylistEntryBody>,
) -> Result<Response, Problem> {
    let view = app.moodify.catalog().move_entry(&caller, id, expected, entry, body.position.get()).await?;
    PlaylistWithEntries::answer(StatusCode::OK, view)
}
