use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use moodify_core::model::{Genre, Title, TrackChange, TrackId, Visibility};
use serde::Deserialize;
use utoipa::ToSchema;

use super::track::{TrackBody, VisibilityName};
use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, IfMatch, IfMatchParam, JsonBody, PathId, check, field, not_null};
use crate::openapi::fields::{OfTexts, OfVisibility};
use crate::openapi::problems::{NotOwner, TrackNotFound, TrackProcessing};
use crate::problem::Problem;

/// What changes of a track; what is missing stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = UpdateTrackRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateTrackBody {
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    title: Option<String>,
    /// Null for none.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 50)]
    genre: Option<Option<String>>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = VisibilityName, required = false)]
    visibility: Option<String>,
}

/// Change one of your tracks
///
/// The first time that it becomes public, the artist's followers hear of it.
#[utoipa::path(
    patch,
    path = "/v1/tracks/{track_id}",
    operation_id = "update_track",
    tag = "tracks",
    security(("access_token" = [])),
    params(
        ("track_id" = uuid::Uuid, Path),
        IfMatchParam,
    ),
    request_body = UpdateTrackBody,
    responses(
        (status = 200, description = "The track as it is now.", body = TrackBody, headers(
            ("ETag" = String, description = "For `If-None-Match` and `If-Match`."),
        )),
        NotOwner, TrackNotFound, TrackProcessing, OfTexts, OfVisibility,
    ),
)]
pub(crate) async fn update_track(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<TrackId>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<UpdateTrackBody>,
) -> Result<Response, Problem> {
    let view = app.moodify.catalog().update_track(&caller, id, expected, body.check()?).await?;
    etag::json(StatusCode::OK, Some(view.track.version), &TrackBody::from(view))
}

impl UpdateTrackBody {
    fn check(self) -> Result<TrackChange, Problem> {
        let genre = self.genre.map(|genre| genre.as_deref().map(Genre::parse).transpose());
        let (title, genre, visibility) = check((
            field("/title", self.title.as_deref().map(Title::parse).transpose()),
            field("/genre", genre.transpose()),
            field("/visibility", self.visibility.as_deref().map(Visibility::parse).transpose()),
        ))?;
        Ok(TrackChange { title, genre, visibility })
    }
}
