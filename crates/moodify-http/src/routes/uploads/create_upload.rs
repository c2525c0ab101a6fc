use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use moodify_core::model::{AnnouncedCover, ContentType, Genre, Invalid, PictureKind, Title, Visibility};
use moodify_core::service::catalog::NewDirectUpload;
use serde::Deserialize;
use utoipa::ToSchema;

use super::upload::DirectUploadBody;
use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, JsonBody, Natural, check, field};
use crate::openapi::fields::{OfDirectUpload, OfTexts, OfVisibility};
use crate::openapi::problems::{ArtistOnly, TooManyUploads};
use crate::problem::Problem;
use crate::routes::tracks::track::VisibilityName;

/// A track that is about to be uploaded.
#[derive(Deserialize, ToSchema)]
#[schema(as = CreateUploadRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateUploadBody {
    /// What the file is.
    #[schema(example = "audio/mpeg")]
    content_type: String,
    /// How large it is.
    #[schema(value_type = i32, minimum = 1, example = 9_000_000)]
    size_bytes: Natural,
    /// A picture that is uploaded with it. Default: the one in the MP3 file.
    cover: Option<CoverAnnouncement>,
    /// Default: the title in the MP3 file; required when that has none.
    #[schema(example = "Low Tide", min_length = 1, max_length = 200)]
    title: Option<String>,
    /// Default: the genre in the MP3 file.
    #[schema(min_length = 1, max_length = 50)]
    genre: Option<String>,
    /// Default: public.
    #[schema(value_type = Option<VisibilityName>)]
    visibility: Option<String>,
}

/// A picture that is about to be uploaded.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CoverAnnouncement {
    /// `image/jpeg` or `image/png`.
    #[schema(example = "image/jpeg")]
    content_type: String,
    /// How large it is.
    #[schema(value_type = i32, minimum = 1, example = 90_000)]
    size_bytes: Natural,
}

/// Begin an upload
///
/// Send each part to its address, then complete the upload. Ask for it again to go on after an interruption.
#[utoipa::path(
    post,
    path = "/v1/uploads",
    operation_id = "create_upload",
    tag = "uploads",
    security(("access_token" = [])),
    request_body = CreateUploadBody,
    responses(
        (status = 201, description = "The upload.", body = DirectUploadBody, headers(
            ("Location" = String, description = "Its path."),
            ("ETag" = String, description = "For `If-None-Match`."),
        )),
        ArtistOnly, TooManyUploads, OfTexts, OfVisibility, OfDirectUpload,
    ),
)]
pub(crate) async fn create_upload(
    State(app): State<App>,
    Bearer(caller): Bearer,
    JsonBody(body): JsonBody<CreateUploadBody>,
) -> Result<Response, Problem> {
    let view = app.moodify.catalog().create_direct_upload(&caller, body.check()?).await?;
    let location = HeaderValue::from_str(&format!("/v1/uploads/{}", view.upload.id));
    let mut response = etag::json(StatusCode::CREATED, None, &DirectUploadBody::from(view))?;
    response.headers_mut().insert(header::LOCATION, location.map_err(Problem::internal)?);
    Ok(response)
}

impl CreateUploadBody {
    fn check(self) -> Result<NewDirectUpload, Problem> {
        let (_, cover, title, genre, visibility) = check((
            field("/content_type", audio(&self.content_type)),
            field("/cover/content_type", self.cover.as_ref().map(picture).transpose()),
            field("/title", self.title.as_deref().map(Title::parse).transpose()),
            field("/genre", self.genre.as_deref().map(Genre::parse).transpose()),
            field("/visibility", self.visibility.as_deref().map(Visibility::parse).transpose()),
        ))?;
        let (size_bytes, visibility) = (self.size_bytes.get().into(), visibility.unwrap_or_default());
        Ok(NewDirectUpload { size_bytes, cover, title, genre, visibility })
    }
}

fn audio(content_type: &str) -> Result<(), Invalid> {
    let is_audio = content_type == ContentType::AudioMpeg.as_str();
    is_audio.then_some(()).ok_or_else(|| Invalid::new("unsupported_type", "Tracks are audio/mpeg."))
}

fn picture(announced: &CoverAnnouncement) -> Result<AnnouncedCover, Invalid> {
    let kind = PictureKind::from_name(&announced.content_type);
    let kind = kind.ok_or_else(|| Invalid::new("unsupported_type", "Covers are image/jpeg or image/png."))?;
    Ok(AnnouncedCover { kind, size_bytes: announced.size_bytes.get().into() })
}
