use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use http::{HeaderMap, StatusCode, header};
use moodify_core::service::Announced;
use serde::Deserialize;
use utoipa::IntoParams;

use super::get_media::MediaBytes;
use crate::app::App;
use crate::extract::{Params, plain_body};
use crate::openapi::problems::{InvalidSignature, NotFound, UrlExpired};
use crate::problem::Problem;

#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PutMediaParams {
    /// When the address stops working, in seconds since 1970.
    #[param(required)]
    expires: Option<String>,
    /// How many bytes have to be sent.
    #[param(required)]
    len: Option<String>,
    /// The signature.
    #[param(required)]
    sig: Option<String>,
}

/// Send a part of an upload
///
/// Signed addresses lead here: take them from uploads as they are, and send exactly what was agreed. They need no
/// token.
#[utoipa::path(
    put,
    path = "/media/{kind}/{name}",
    operation_id = "put_media",
    tag = "media",
    params(
        ("kind" = String, Path, description = "`upload`."),
        ("name" = String, Path, description = "The part."),
        PutMediaParams,
    ),
    request_body(
        content((inline(MediaBytes) = "audio/mpeg"), (inline(MediaBytes) = "image/jpeg"), (inline(MediaBytes) = "image/png")),
    ),
    responses(
        (status = 200, description = "It is there."),
        InvalidSignature, UrlExpired, NotFound,
    ),
)]
pub(crate) async fn put_media(
    State(app): State<App>,
    path: Result<Path<(String, String)>, PathRejection>,
    params: Result<Params<PutMediaParams>, Problem>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let gate = app.moodify.media_gate().ok_or_else(|| Problem::from_status(StatusCode::NOT_FOUND))?;
    // What does not even have the form of our addresses is refused like what was changed.
    let key = path.map(|Path((kind, name))| format!("{kind}/{name}")).unwrap_or_default();
    let PutMediaParams { expires, len, sig } = params.map(|Params(params)| params).unwrap_or_default();
    let [expires, len, sig] = [expires, len, sig].map(Option::unwrap_or_default);
    let grant = gate.verify_put(&key, [&expires, &len, &sig], announced(request.headers())).await?;
    let body = plain_body(request.into_body(), app.config.limits.body);
    gate.put(&grant, body).await?;
    Ok(StatusCode::OK)
}

fn announced(headers: &HeaderMap) -> Announced<'_> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    Announced {
        content_type: text(header::CONTENT_TYPE).unwrap_or_default(),
        len: text(header::CONTENT_LENGTH).and_then(|text| text.parse().ok()),
    }
}
