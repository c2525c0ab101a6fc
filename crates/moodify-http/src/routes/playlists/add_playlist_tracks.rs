use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use moodify_core::model::PlaylistId;
use moodify_core::port::EntryPosition;
use serde::Deserialize;
use utoipa::ToSchema;

use super::playlist::PlaylistWithEntries;
use crate::app::App;
use crate::extract::{Bearer, IfMatch, IfMatchParam, JsonBody, Natural, PathId, check, each};
use crate::openapi::fields::OfTrackIds;
use crate::openapi::problems::{NotOwner, PlaylistFull, PlaylistNotFound};
use crate::problem::Problem;

/// Tracks for a playlist.
#[derive(Deserialize, ToSchema)]
#[schema(as = AddPlaylistTracksRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddPlaylistTracksBody {
    /// In order; a track may come twice.
    #[schema(value_type = Vec<uuid::Uuid>, min_items = 1, max_items = 100)]
    track_ids: Vec<String>,
    /// Before the entry at this index, counted from 0. Default: at the end.
    #[schema(value_type = Option<i32>, minimum = 0)]
    position: Option<Natural>,
}

/// Put tracks into one of your playlists
#[utoipa::path(
    post,
    path = "/v1/playlists/{playlist_id}/tracks",
    operation_id = "add_playlist_tracks",
    tag = "playlists",
    security(("access_token" = [])),
    params(
        ("playlist_id" = uuid::Uuid, Path),
        IfMatchParam,
    ),
    request_body = AddPlaylistTracksBody,
    responses(
        (status = 200, description = "The playlist as it is now.", body = PlaylistWithEntries, headers(
            ("ETag" = String, description = "For `If-None-Match` and `If-Match`."),
        )),
        NotOwner, PlaylistNotFound, PlaylistFull, OfTrackIds,
    ),
)]
pub(crate) async fn add_playlist_tracks(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<PlaylistId>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<AddPlaylistTracksBody>,
) -> Result<Response, Problem> {
    let (track_ids,) = check((each("/track_ids", &body.track_ids, str::parse),))?;
    let position = body.position.map_or(EntryPosition::End, |index| EntryPosition::At(index.get()));
    let view = app.moodify.catalog().add_tracks(&caller, id, expected, &track_ids, position).await?;
    PlaylistWithEntries::answer(StatusCode::OK, view)
}
