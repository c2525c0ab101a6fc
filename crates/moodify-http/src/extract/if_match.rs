use axum::extract::FromRequestParts;
use http::{HeaderValue, StatusCode, header, request::Parts};

use utoipa::IntoParams;

use crate::app::App;
use crate::etag;
use crate::problem::Problem;

/// How [`IfMatch`] is documented.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documents a header, which is read as a whole")]
pub(crate) struct IfMatchParam {
    /// The version you know, or the `ETag` you got.
    #[param(rename = "If-Match", required = false, pattern = r#"^(\*|"\d{1,9}(\.[0-9a-f]+)?")$"#)]
    if_match: String,
}

/// The version that a write expects; `None` when the client does not care.
pub(crate) struct IfMatch(pub(crate) Option<u64>);

impl FromRequestParts<App> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(header::IF_MATCH).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(value), None) => read(value).map(Self).ok_or_else(malformed),
            _ => Err(malformed()),
        }
    }
}

fn read(value: &HeaderValue) -> Option<Option<u64>> {
    let text = value.to_str().ok()?.trim();
    if text == "*" { Some(None) } else { etag::version(text).map(Some) }
}

fn malformed() -> Problem {
    let detail = r#"Write one version into If-Match, as its ETag says: "7"."#;
    Problem::new(StatusCode::BAD_REQUEST, "malformed_if_match", detail)
}
