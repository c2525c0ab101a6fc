use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use moodify_core::model::ArtistId;

use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, PageParams, Params, PathId};
use crate::openapi::problems::ArtistNotFound;
use crate::problem::Problem;
use crate::routes::tracks::list_tracks::TrackPage;

/// An artist's tracks, newest first
///
/// Your own come with those that are not public.
#[utoipa::path(
    get,
    path = "/v1/artists/{artist_id}/tracks",
    operation_id = "list_artist_tracks",
    tag = "artists",
    security(("access_token" = [])),
    params(("artist_id" = uuid::Uuid, Path), PageParams),
    responses((status = 200, description = "A page of tracks.", body = TrackPage), ArtistNotFound),
)]
pub(crate) async fn list_artist_tracks(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<ArtistId>,
    Params(params): Params<PageParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (limit, cursor) = params.check()?;
    let listing = app.moodify.catalog().artist_tracks(&caller, id, limit, cursor).await?;
    etag::read(&headers, None, &TrackPage::from(listing))
}
