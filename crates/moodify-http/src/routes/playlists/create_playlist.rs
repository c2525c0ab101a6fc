use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use moodify_core::model::{Description, Title, Visibility};
use moodify_core::service::catalog::NewPlaylist;
use serde::Deserialize;
use utoipa::ToSchema;

use super::playlist::PlaylistWithEntries;
use crate::app::App;
use crate::extract::{Bearer, JsonBody, check, each, field};
use crate::openapi::fields::{OfTexts, OfTrackIds, OfVisibility};
use crate::problem::Problem;
use crate::routes::tracks::track::VisibilityName;

/// What a playlist is made from.
#[derive(Deserialize, ToSchema)]
#[schema(as = CreatePlaylistRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreatePlaylistBody {
    #[schema(example = "Sunday morning", min_length = 1, max_length = 200)]
    title: String,
    /// Default: empty.
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// Default: public.
    #[schema(value_type = Option<VisibilityName>)]
    visibility: Option<String>,
    /// Its first tracks, in order.
    #[schema(value_type = Option<Vec<uuid::Uuid>>, max_items = 100)]
    track_ids: Option<Vec<String>>,
}

/// Make a playlist
#[utoipa::path(
    post,
    path = "/v1/playlists",
    operation_id = "create_playlist",
    tag = "playlists",
    security(("access_token" = [])),
    request_body = CreatePlaylistBody,
    responses(
        (status = 201, description = "The playlist.", body = PlaylistWithEntries, headers(
            ("Location" = String, description = "Its path."),
            ("ETag" = String, description = "For `If-None-Match` and `If-Match`."),
        )),
        OfTexts, OfTrackIds, OfVisibility,
    ),
)]
pub(crate) async fn create_playlist(
    State(app): State<App>,
    Bearer(caller): Bearer,
    JsonBody(body): JsonBody<CreatePlaylistBody>,
) -> Result<Response, Problem> {
    let view = app.moodify.catalog().create_playlist(&caller, body.check()?).await?;
    let location = HeaderValue::from_str(&format!("/v1/playlists/{}", view.playlist.id));
    let mut response = PlaylistWithEntries::answer(StatusCode::CREATED, view)?;
    response.headers_mut().insert(header::LOCATION, location.map_err(Problem::internal)?);
    Ok(response)
}

impl CreatePlaylistBody {
    fn check(self) -> Result<NewPlaylist, Problem> {
        let (title, description, visibility, track_ids) = check((
            field("/title", Title::parse(&self.title)),
            field("/description", Description::parse(self.description.as_deref().unwrap_or_default())),
            field(
                "/visibility",
                self.visibility.as_deref().map_or(Ok(Visibility::default()), Visibility::parse),
            ),
            each("/track_ids", &self.track_ids.unwrap_or_default(), str::parse),
        ))?;
        Ok(NewPlaylist { title, description, visibility, track_ids })
    }
}
