use axum::extract::State;
use axum::response::Response;
use moodify_core::model::TrackId;

use super::track::redirect;
use crate::app::App;
use crate::extract::{Bearer, PathId};
use crate::openapi::problems::TrackNotFound;
use crate::problem::Problem;

/// The stable address of a track's audio
///
/// Leads to a fresh signed address: for players that pause for hours.
#[utoipa::path(
    get,
    path = "/v1/tracks/{track_id}/audio",
    operation_id = "get_track_audio",
    tag = "tracks",
    security(("access_token" = [])),
    params(("track_id" = uuid::Uuid, Path)),
    responses(
        (status = 307, description = "The audio is there.", headers(
            ("Location" = String, description = "A signed address."),
        )),
        TrackNotFound,
    ),
)]
pub(crate) async fn get_track_audio(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<TrackId>,
) -> Result<Response, Problem> {
    redirect(&app.moodify.catalog().audio_url(&caller, id).await?)
}
