use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use moodify_core::port::{ByteRange, MediaMeta};
use moodify_core::service::{MediaGate, MediaGrant};
use serde::Deserialize;
use utoipa::IntoParams;

use super::range::{Wanted, wanted};
use crate::app::App;
use crate::etag;
use crate::extract::Params;
use crate::openapi::problems::{InvalidSignature, MediaNotFound, NotFound, RangeNotSatisfiable, UrlExpired};
use crate::problem::Problem;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MediaParams {
    /// When the address stops working, in seconds since 1970.
    #[param(required)]
    expires: Option<String>,
    /// The signature.
    #[param(required)]
    sig: Option<String>,
}

/// Audio or a cover
///
/// Signed addresses lead here: take them from tracks as they are. They need no token.
#[utoipa::path(
    get,
    path = "/media/{kind}/{name}",
    operation_id = "get_media",
    tag = "media",
    params(
        ("kind" = String, Path, description = "`audio` or `cover`."),
        ("name" = String, Path, description = "The object."),
        MediaParams,
        ("Range" = Option<String>, Header, description = "One range of bytes."),
    ),
    responses(
        (
            status = 200,
            description = "The whole object.",
            content((inline(MediaBytes) = "audio/mpeg"), (inline(MediaBytes) = "image/jpeg")),
        ),
        (
            status = 206,
            description = "A part of it.",
            content((inline(MediaBytes) = "audio/mpeg"), (inline(MediaBytes) = "image/jpeg")),
            headers(("Content-Range" = String, description = "Which part.")),
        ),
        InvalidSignature, UrlExpired, MediaNotFound, NotFound, RangeNotSatisfiable,
    ),
)]
pub(crate) async fn get_media(
    State(app): State<App>,
    method: Method,
    path: Result<Path<(String, String)>, PathRejection>,
    params: Result<Params<MediaParams>, Problem>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let gate = app.moodify.media_gate().ok_or_else(|| Problem::from_status(StatusCode::NOT_FOUND))?;
    // What does not even have the form of our addresses is refused like what was changed.
    let key = path.map(|Path((kind, name))| format!("{kind}/{name}")).unwrap_or_default();
    let MediaParams { expires, sig } = params.map(|Params(params)| params).unwrap_or_default();
    let grant = gate.verify(&key, &expires.unwrap_or_default(), &sig.unwrap_or_default()).await?;
    let meta = gate.head(&grant).await?;
    let tag = format!("\"{}\"", meta.etag);
    let etag = HeaderValue::from_str(&tag).map_err(Problem::internal)?;
    let mut response = if etag::none_match_fails(&headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if method == Method::HEAD {
        whole(meta.len, &grant, Body::empty())
    } else {
        match wanted(&headers, meta.len, &tag) {
            Wanted::Whole => whole(meta.len, &grant, open(gate, &grant, &meta, None).await?),
            Wanted::Part(range) => {
                let body = open(gate, &grant, &meta, Some(range.clone())).await?;
                part(meta.len, &range, &grant, body)?
            }
            Wanted::Unsatisfiable => return Err(unsatisfiable(meta.len)),
        }
    };
    response.headers_mut().extend(common_headers(&app, &grant, etag));
    Ok(response)
}

/// A sequence of bytes.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "documents a stream")]
pub(crate) struct MediaBytes(Vec<u8>);

async fn open(
    gate: &MediaGate,
    grant: &MediaGrant,
    meta: &MediaMeta,
    range: Option<ByteRange>,
) -> Result<Body, Problem> {
    let object = gate.get(grant, range).await?;
    if object.meta != *meta {
        // Keys are never reused, so this is a fault of the store, and the lengths would be lies.
        return Err(Problem::internal("the object changed between two reads"));
    }
    let broken =
        |error: &std::io::Error| tracing::error!(%error, "a media object broke off while it was sent");
    Ok(Body::from_stream(object.body.inspect_err(broken)))
}

fn whole(len: u64, grant: &MediaGrant, body: Body) -> Response {
    let headers = [(header::CONTENT_LENGTH, HeaderValue::from(len)), content_type(grant)];
    (StatusCode::OK, headers, body).into_response()
}

fn part(len: u64, range: &ByteRange, grant: &MediaGrant, body: Body) -> Result<Response, Problem> {
    let content_range = format!("bytes {}-{}/{len}", range.start, range.end - 1);
    let headers = [
        (header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start)),
        (header::CONTENT_RANGE, HeaderValue::from_str(&content_range).map_err(Problem::internal)?),
        content_type(grant),
    ];
    Ok((StatusCode::PARTIAL_CONTENT, headers, body).into_response())
}

fn unsatisfiable(len: u64) -> Problem {
    let detail = format!("No part of the {len} bytes lies in the range.");
    let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail);
    match HeaderValue::from_str(&format!("bytes */{len}")) {
        Ok(value) => problem.with_header(header::CONTENT_RANGE, value),
        Err(error) => Problem::internal(error),
    }
}

fn content_type(grant: &MediaGrant) -> (HeaderName, HeaderValue) {
    (header::CONTENT_TYPE, HeaderValue::from_static(grant.key().content_type().as_str()))
}

/// What every answer carries: it may be kept for as long as the address works, and is never
/// anything but sound or a picture.
fn common_headers(app: &App, grant: &MediaGrant, etag: HeaderValue) -> [(HeaderName, HeaderValue); 5] {
    let seconds = grant.expires_at().duration_since(app.context.now()).as_secs().max(0);
    let cached = HeaderValue::from_str(&format!("private, max-age={seconds}, immutable"));
    [
        (header::ETAG, etag),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("inline")),
        (header::CACHE_CONTROL, cached.unwrap_or(HeaderValue::from_static("no-store"))),
        (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin")),
    ]
}
