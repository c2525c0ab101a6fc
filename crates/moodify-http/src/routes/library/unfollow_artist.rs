use axum::extract::State;
use http::StatusCode;
use moodify_core::model::ArtistId;

use crate::app::App;
use crate::extract::{Bearer, PathId};
use crate::openapi::problems::ArtistNotFound;
use crate::problem::Problem;

/// Stop following an artist
///
/// Doing it again changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/me/follows/{artist_id}",
    operation_id = "unfollow_artist",
    tag = "library",
    security(("access_token" = [])),
    params(("artist_id" = uuid::Uuid, Path)),
    responses((status = 204, description = "You do not follow the artist."), ArtistNotFound),
)]
pub(crate) async fn unfollow_artist(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<ArtistId>,
) -> Result<StatusCode, Problem> {
    app.moodify.catalog().unfollow(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
