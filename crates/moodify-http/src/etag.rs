//! Entity tags: `"<version>.<digest>"` for versioned things, `"<digest>"` for others. The version
//! is what `If-Match` compares; the digest tells answers of one version apart, whose signed URLs
//! and counts change without anybody editing anything.

use std::hash::{DefaultHasher, Hasher};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::problem::Problem;

/// A value as JSON, with its tag: made once for what never changes.
pub(crate) struct Tagged {
    body: Bytes,
    tag: HeaderValue,
}

impl Tagged {
    pub(crate) fn new<T: Serialize>(version: Option<u64>, value: &T) -> Result<Self, Problem> {
        let body = serde_json::to_vec(value).map_err(Problem::internal)?;
        Ok(Self { tag: tag(version, &body)?, body: body.into() })
    }

    fn answer(&self, status: StatusCode, body: Bytes) -> Response {
        let headers = [
            (header::ETAG, self.tag.clone()),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
            (header::VARY, HeaderValue::from_static("authorization")),
        ];
        (status, headers, body).into_response()
    }

    /// The answer to a read: 304 without a body when the client has it already.
    pub(crate) fn read(&self, request: &HeaderMap) -> Response {
        if !none_match_fails(request, &self.tag) {
            return self.answer(StatusCode::OK, self.body.clone());
        }
        let mut response = self.answer(StatusCode::NOT_MODIFIED, Bytes::new());
        response.headers_mut().remove(header::CONTENT_TYPE);
        response
    }
}

/// An answer with this value as JSON and its tag.
pub(crate) fn json<T: Serialize>(
    status: StatusCode,
    version: Option<u64>,
    value: &T,
) -> Result<Response, Problem> {
    let tagged = Tagged::new(version, value)?;
    Ok(tagged.answer(status, tagged.body.clone()))
}

/// The answer to a read: as [`json`], or 304 without a body when the client has it already.
pub(crate) fn read<T: Serialize>(
    request: &HeaderMap,
    version: Option<u64>,
    value: &T,
) -> Result<Response, Problem> {
    Ok(Tagged::new(version, value)?.read(request))
}

/// Whether `If-None-Match` names this tag (RFC 9110, 13.1.2: weak comparison).
pub(crate) fn none_match_fails(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let Ok(tag) = tag.to_str().map(opaque) else { return false };
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|candidate| candidate.trim() == "*" || opaque(candidate) == tag)
}

/// The version in a strong tag; `None` if this is none.
pub(crate) fn version(tag: &str) -> Option<u64> {
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    let (version, digest) = inner.split_once('.').unwrap_or((inner, ""));
    let digits =
        |text: &str, hex: bool| text.bytes().all(|b| b.is_ascii_digit() || hex && b.is_ascii_hexdigit());
    if digits(version, false) && digits(digest, true) { version.parse().ok() } else { None }
}

fn tag(version: Option<u64>, body: &[u8]) -> Result<HeaderValue, Problem> {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    let digest = hasher.finish();
    let tag = match version {
        Some(version) => format!("\"{version}.{digest:016x}\""),
        None => format!("\"{digest:016x}\""),
    };
    HeaderValue::from_str(&tag).map_err(Problem::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_carries_its_version() {
        let tag = tag(Some(7), b"{}").unwrap();
        assert_eq!(version(tag.to_str().unwrap()), Some(7));
        assert_eq!(version("\"7\""), Some(7));
        for bad in [
            "7",
            "W/\"7\"",
            "\"\"",
            "\"x\"",
            "\"7\", \"8\"",
            "\"-1\"",
            "\"7.zz\"",
            "\"99999999999999999999\"",
        ] {
            assert_eq!(version(bad), None, "{bad}");
        }
    }

    #[test]
    fn if_none_match_compares_weakly_and_in_lists() {
        let tag = HeaderValue::from_static("\"7.ab\"");
        for (value, hit) in [
            ("\"7.ab\"", true),
            ("W/\"7.ab\"", true),
            ("\"x\", \"7.ab\"", true),
            ("*", true),
            ("\"7\"", false),
        ] {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(value))]);
            assert_eq!(none_match_fails(&headers, &tag), hit, "{value}");
        }
    }
}
