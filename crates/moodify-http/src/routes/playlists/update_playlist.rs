use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use moodify_core::model::{Description, PlaylistChange, PlaylistId, Title, Visibility};
use serde::Deserialize;
use utoipa::ToSchema;

use super::playlist::PlaylistWithEntries;
use crate::app::App;
use crate::extract::{Bearer, IfMatch, IfMatchParam, JsonBody, PathId, check, field, not_null};
use crate::openapi::fields::{OfTexts, OfVisibility};
use crate::openapi::problems::{NotOwner, PlaylistNotFound};
use crate::problem::Problem;
use crate::routes::tracks::track::VisibilityName;

/// What changes of a playlist; what is missing stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = UpdatePlaylistRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdatePlaylistBody {
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    title: Option<String>,
    /// May be empty.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = String, required = false, max_length = 2000)]
    description: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = VisibilityName, required = false)]
    visibility: Option<String>,
}

/// Change one of your playlists
#[utoipa::path(
    patch,
    path = "/v1/playlists/{playlist_id}",
    operation_id = "update_playlist",
    tag = "playlists",
    security(("access_token" = [])),
    params(
        ("playlist_id" = uuid::Uuid, Path),
        IfMatchParam,
    ),
    request_body = UpdatePlaylistBody,
    responses(
        (status = 200, description = "The playlist as it is now.", body = PlaylistWithEntries, headers(
            ("ETag" = String, description = "For `If-None-Match` and `If-Match`."),
        )),
        NotOwner, PlaylistNotFound, OfTexts, OfVisibility,
    ),
)]
pub(crate) async fn update_playlist(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<PlaylistId>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<UpdatePlaylistBody>,
) -> Result<Response, Problem> {
    let view = app.moodify.catalog().update_playlist(&caller, id, expected, body.check()?).await?;
    PlaylistWithEntries::answer(StatusCode::OK, view)
}

impl UpdatePlaylistBody {
    fn check(self) -> Result<PlaylistChange, Problem> {
        let (title, description, visibility) = check((
            field("/title", self.title.as_deref().map(Title::parse).transpose()),
            field("/description", self.description.as_deref().map(Description::parse).transpose()),
            field("/visibility", self.visibility.as_deref().map(Visibility::parse).transpose()),
        ))?;
        Ok(PlaylistChange { title, description, visibility })
    }
}
