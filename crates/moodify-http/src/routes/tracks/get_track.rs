use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use moodify_core::model::TrackId;

use super::track::TrackBody;
use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, PathId};
use crate::openapi::problems::TrackNotFound;
use crate::problem::Problem;

/// One track
#[utoipa::path(
    get,
    path = "/v1/tracks/{track_id}",
    operation_id = "get_track",
    tag = "tracks",
    security(("access_token" = [])),
    params(("track_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The track.", body = TrackBody, headers(
            ("ETag" = String, description = "For `If-None-Match` and `If-Match`."),
        )),
        TrackNotFound,
    ),
)]
pub(crate) async fn get_track(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<TrackId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let view = app.moodify.catalog().track(&caller, id).await?;
    etag::read(&headers, Some(view.track.version), &TrackBody::from(view))
}
