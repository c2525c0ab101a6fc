use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use moodify_core::model::ArtistId;

use super::artist::ArtistBody;
use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, PathId};
use crate::openapi::problems::ArtistNotFound;
use crate::problem::Problem;

/// One artist
#[utoipa::path(
    get,
    path = "/v1/artists/{artist_id}",
    operation_id = "get_artist",
    tag = "artists",
    security(("access_token" = [])),
    params(("artist_id" = uuid::Uuid, Path)),
    responses((status = 200, description = "The artist.", body = ArtistBody), ArtistNotFound),
)]
pub(crate) async fn get_artist(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<ArtistId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let view = app.moodify.catalog().artist(&caller, id).await?;
    etag::read(&headers, None, &ArtistBody::from(view))
}
