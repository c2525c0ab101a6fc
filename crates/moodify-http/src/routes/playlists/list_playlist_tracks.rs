use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use moodify_core::model::{PageSize, PlaylistId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::playlist::EntryBody;
use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, Params, PathId, check, field, page_size};
use crate::openapi::problems::PlaylistNotFound;
use crate::problem::Problem;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListPlaylistTracksParams {
    /// How many items at most. Default 20.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// `next_cursor` of the page before, or of the playlist.
    cursor: Option<String>,
}

/// A page of a playlist's entries.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlaylistEntryPage {
    items: Vec<EntryBody>,
    /// Goes into `cursor` for the next page; null at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// The entries of a playlist, in their order
///
/// A cursor survives every change of the playlist, except when it has to be put in order anew after
/// hundreds of entries were squeezed into one place: then it is refused, begin again.
#[utoipa::path(
    get,
    path = "/v1/playlists/{playlist_id}/tracks",
    operation_id = "list_playlist_tracks",
    tag = "playlists",
    security(("access_token" = [])),
    params(("playlist_id" = uuid::Uuid, Path), ListPlaylistTracksParams),
    responses(
        (status = 200, description = "A page of entries.", body = PlaylistEntryPage),
        PlaylistNotFound,
    ),
)]
pub(crate) async fn list_playlist_tracks(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<PlaylistId>,
    Params(params): Params<ListPlaylistTracksParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let limit = params.limit.as_deref().map_or(Ok(PageSize::default()), page_size);
    let (limit,) = check((field("/limit", limit),))?;
    let listing =
        app.moodify.catalog().playlist_entries(&caller, id, limit, params.cursor.as_deref()).await?;
    let items = listing.items.into_iter().map(Into::into).collect();
    etag::read(&headers, None, &PlaylistEntryPage { items, next_cursor: listing.next_cursor })
}
