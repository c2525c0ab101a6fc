use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use moodify_core::model::{Invalid, PageSize};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::playlist::PlaylistBody;
use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, Params, check, field, page_size};
use crate::openapi::fields::OfChoice;
use crate::problem::Problem;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListPlaylistsParams {
    /// Whose playlists: always `me`.
    #[param(pattern = "^me$", example = "me")]
    owner: Option<String>,
    /// How many items at most. Default 20.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of playlists.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlaylistPage {
    items: Vec<PlaylistBody>,
    /// Goes into `cursor` for the next page; null at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Your playlists, newest first
#[utoipa::path(
    get,
    path = "/v1/playlists",
    operation_id = "list_playlists",
    tag = "playlists",
    security(("access_token" = [])),
    params(ListPlaylistsParams),
    responses(
        (status = 200, description = "A page of playlists.", body = PlaylistPage),
        OfChoice,
    ),
)]
pub(crate) async fn list_playlists(
    State(app): State<App>,
    Bearer(caller): Bearer,
    Params(params): Params<ListPlaylistsParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (limit, ()) = check((
        field("/limit", params.limit.as_deref().map_or(Ok(PageSize::default()), page_size)),
        field("/owner", params.owner.as_deref().map_or(Ok(()), owner)),
    ))?;
    let listing = app.moodify.catalog().list_playlists(&caller, limit, params.cursor.as_deref()).await?;
    let items = listing.items.into_iter().map(Into::into).collect();
    etag::read(&headers, None, &PlaylistPage { items, next_cursor: listing.next_cursor })
}

fn owner(name: &str) -> Result<(), Invalid> {
    if name == "me" { Ok(()) } else { Err(Invalid::new("invalid_value", "Only your own are listed: me.")) }
}
