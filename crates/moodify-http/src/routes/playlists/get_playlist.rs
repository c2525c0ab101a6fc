use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use moodify_core::model::PlaylistId;

use super::playlist::PlaylistWithEntries;
use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, PathId};
use crate::openapi::problems::PlaylistNotFound;
use crate::problem::Problem;

/// One playlist with its first 100 entries
#[utoipa::path(
    get,
    path = "/v1/playlists/{playlist_id}",
    operation_id = "get_playlist",
    tag = "playlists",
    security(("access_token" = [])),
    params(("playlist_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The playlist.", body = PlaylistWithEntries, headers(
            ("ETag" = String, description = "For `If-None-Match` and `If-Match`."),
        )),
        PlaylistNotFound,
    ),
)]
pub(crate) async fn get_playlist(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<PlaylistId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let view = app.moodify.catalog().playlist(&caller, id).await?;
    etag::read(&headers, Some(view.playlist.version), &PlaylistWithEntries::from(view))
}
