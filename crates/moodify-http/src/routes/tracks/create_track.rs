use std::borrow::Cow;

use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use moodify_core::Error;
use moodify_core::model::{Caller, Genre, Title, Visibility};
use moodify_core::port::Measurement;
use moodify_core::service::Context;
use moodify_core::service::catalog::{TrackView, Upload, UploadFields};
use utoipa::ToSchema;

use super::track::{TrackBody, VisibilityName};
use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, UploadBody, check, field};
use crate::openapi::fields::{OfTexts, OfUpload, OfVisibility};
use crate::openapi::problems::{ArtistNotFound, ArtistOnly, TrackNotFound};
use crate::problem::Problem;

/// A track to be uploaded; the parts may come in any order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the form, which is read part by part")]
pub(crate) struct TrackUpload {
    /// An MP3 file that plays from start to end.
    #[schema(value_type = String, format = Binary)]
    audio: Vec<u8>,
    /// A JPEG or PNG picture. Default: the one in the MP3 file.
    #[schema(value_type = Option<String>, format = Binary)]
    cover: Option<Vec<u8>>,
    /// Default: the title in the MP3 file; required when that has none.
    #[schema(min_length = 1, max_length = 200)]
    title: Option<String>,
    /// Default: the genre in the MP3 file.
    #[schema(min_length = 1, max_length = 50)]
    genre: Option<String>,
    /// Default: public.
    visibility: Option<VisibilityName>,
}

/// Upload a track
#[utoipa::path(
    post,
    path = "/v1/tracks",
    operation_id = "create_track",
    tag = "tracks",
    security(("access_token" = [])),
    request_body(content = TrackUpload, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "It plays.", body = TrackBody, headers(
            ("Location" = String, description = "Its path."),
            ("ETag" = String, description = "For `If-None-Match` and `If-Match`."),
        )),
        ArtistOnly, ArtistNotFound, TrackNotFound, OfTexts, OfUpload, OfVisibility,
    ),
)]
pub(crate) async fn create_track(
    State(app): State<App>,
    Bearer(caller): Bearer,
    request: Request,
) -> Result<Response, Problem> {
    let created = create(&app, &caller, request).await;
    let view = created.map_err(|refused| refused.counted(app.moodify.context()))?;
    let location = HeaderValue::from_str(&format!("/v1/tracks/{}", view.track.id));
    let version = view.track.version;
    let mut response = etag::json(StatusCode::CREATED, Some(version), &TrackBody::from(view))?;
    response.headers_mut().insert(header::LOCATION, location.map_err(Problem::internal)?);
    Ok(response)
}

async fn create(app: &App, caller: &Caller, request: Request) -> Result<TrackView, Refused> {
    let body = UploadBody::from_request(request, app).await?;
    let (upload, fields) = read_parts(app, caller, body).await?;
    Ok(upload.finish(fields).await?)
}

/// Who refused an upload. The catalogue counts what it refuses.
enum Refused {
    Here(Problem),
    ByTheCatalog(Error),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Here(problem)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::ByTheCatalog(error)
    }
}

impl Refused {
    fn counted(self, context: &Context) -> Problem {
        match self {
            Self::Here(problem) => {
                context.record(Measurement::UploadRefused { reason: reason(&problem) });
                problem
            }
            Self::ByTheCatalog(error) => error.into(),
        }
    }
}

/// In a word for the meter, the same as the catalogue's where it may find the same.
fn reason(problem: &Problem) -> &'static str {
    match (problem.errors.first(), &problem.code) {
        (Some(field), _) => field.code,
        (None, Cow::Borrowed("payload_too_large")) => "too_large",
        (None, Cow::Borrowed("malformed_body")) => "body_broken_off",
        (None, Cow::Borrowed(code)) => code,
        (None, Cow::Owned(_)) => "refused",
    }
}

/// The texts of the form, as they came.
#[derive(Default)]
struct Texts {
    title: Option<String>,
    genre: Option<String>,
    visibility: Option<String>,
}

async fn read_parts(
    app: &App,
    caller: &Caller,
    mut body: UploadBody,
) -> Result<(Upload, UploadFields), Refused> {
    let mut upload = app.moodify.catalog().begin_upload(caller)?;
    let mut texts = Texts::default();
    while let Some(part) = body.next().await? {
        let text = match part.name() {
            "audio" => {
                upload.audio(part.into_stream()).await?;
                continue;
            }
            "cover" => {
                upload.cover(part.into_stream()).await?;
                continue;
            }
            "title" => &mut texts.title,
            "genre" => &mut texts.genre,
            "visibility" => &mut texts.visibility,
            _ => {
                let detail = "The form has a part too many.";
                return Err(Problem::invalid_field("", "unknown_field", detail).into());
            }
        };
        if text.is_some() {
            let pointer = format!("/{}", part.name());
            let detail = "This field was sent twice.";
            return Err(Problem::invalid_field(pointer, "duplicate_field", detail).into());
        }
        *text = Some(part.text().await?);
    }
    Ok((upload, texts.check()?))
}

impl Texts {
    fn check(self) -> Result<UploadFields, Problem> {
        let (title, genre, visibility) = check((
            field("/title", self.title.as_deref().map(Title::parse).transpose()),
            field("/genre", self.genre.as_deref().map(Genre::parse).transpose()),
            field("/visibility", self.visibility.as_deref().map(Visibility::parse).transpose()),
        ))?;
        Ok(UploadFields { title, genre, visibility: visibility.unwrap_or_default() })
    }
}
