use axum::extract::{FromRequest, Request};
use http::{HeaderMap, StatusCode, header};
use moodify_core::model::FieldError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::body;
use crate::app::App;
use crate::config::MAX_JSON_BYTES;
use crate::problem::Problem;

/// A JSON body. Types that are read this way derive `Deserialize` with `deny_unknown_fields`.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "Send the body as application/json.";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
        let bytes = body::read(request.into_body(), MAX_JSON_BYTES, app.config.limits.body).await?;
        parse(&bytes).map(Self)
    }
}

/// A field that may be missing, but is null only if its type says so: for `deserialize_with`, beside
/// `default`.
pub(crate) fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Whether a body is announced that no form of a foreign page can send without asking first.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(mime) = text.and_then(|text| text.parse::<mime::Mime>().ok()) else { return false };
    let utf8 = mime.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8);
    mime.essence_str() == mime::APPLICATION_JSON.essence_str() && utf8
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would read a struct from an array too, by position.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::invalid_field("", "invalid_type", "Send an object."));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().clone();
        let cause = error.into_inner();
        match cause.classify() {
            serde_json::error::Category::Data => {
                Problem::invalid(vec![field_error(&pointer(&path), &cause.to_string())])
            }
            _ => malformed(&cause),
        }
    })?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let detail = format!("The body is not JSON: look at line {line}, column {column}.");
    Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail)
}

/// A path as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } | Segment::Enum { variant: key } => child(&pointer, key),
        Segment::Unknown => pointer,
    })
}

/// A member of the object at this pointer. Names of absurd length are not repeated.
pub(super) fn child(pointer: &str, name: &str) -> String {
    const MAX_BYTES: usize = 100;
    if name.len() > MAX_BYTES {
        return pointer.to_owned();
    }
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// What serde's standard messages (`serde::de::Error`) say about the value at `pointer`.
pub(super) fn field_error(pointer: &str, message: &str) -> FieldError {
    let (kind, rest) = message.split_once(" `").unwrap_or((message, ""));
    let name = rest.split('`').next().unwrap_or_default();
    // The standard messages name the field; the path ends with it only for some of them.
    let member = || {
        let ends_with_it = pointer.rsplit_once('/').is_some_and(|(parent, _)| child(parent, name) == pointer);
        if ends_with_it { pointer.to_owned() } else { child(pointer, name) }
    };
    let (pointer, code, message) = match kind {
        "missing field" => (member(), "required", "This field is missing."),
        "unknown field" => (member(), "unknown_field", "There is no such field."),
        "duplicate field" => (member(), "duplicate_field", "This field stands here twice."),
        _ if message.starts_with("invalid type") => {
            (pointer.to_owned(), "invalid_type", "This has the wrong type.")
        }
        _ => (pointer.to_owned(), "invalid_value", "This value is not accepted here."),
    };
    FieldError { pointer, code, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[serde(rename = "name")]
        _name: String,
        #[serde(rename = "ids", default)]
        _ids: Vec<String>,
        #[serde(rename = "at")]
        _at: Option<u32>,
    }

    #[test]
    fn wrong_fields_are_named() {
        for (json, pointer, code) in [
            (r#"{}"#, "/name", "required"),
            (r#"{"name":"a","x/y":1}"#, "/x~1y", "unknown_field"),
            (r#"{"name":"a","name":"b"}"#, "/name", "duplicate_field"),
            (r#"{"name":{"$ne":null}}"#, "/name", "invalid_type"),
            (r#"{"name":null}"#, "/name", "invalid_type"),
            (r#"{"name":"a","ids":["b",7]}"#, "/ids/1", "invalid_type"),
            (r#"{"name":"a","at":-1}"#, "/at", "invalid_value"),
            (r#"{"name":"a","at":1.5}"#, "/at", "invalid_type"),
            (r#"["a", [], 1]"#, "", "invalid_type"),
            (r#""text""#, "", "invalid_type"),
        ] {
            let problem = parse::<Body>(json.as_bytes()).unwrap_err();
            assert_eq!(problem.status, 422, "{json}");
            let error = &problem.errors[0];
            assert_eq!((error.pointer.as_str(), error.code), (pointer, code), "{json}");
        }
        let long = format!(r#"{{"name":"a","{}":1}}"#, "x".repeat(10_000));
        assert_eq!(parse::<Body>(long.as_bytes()).unwrap_err().errors[0].pointer, "");
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        let deep = format!(r#"{{"name":"a","ids":{}"#, "[".repeat(30_000));
        for json in [
            &b""[..],
            b"{",
            b"{\"name\":\"a\"} x",
            b"\xff",
            b"{\"name\":\"\xff\"}",
            b"{\"name\":\"\0\"}",
            b"{\"name\":\"\\ud800\"}",
        ] {
            let problem = parse::<Body>(json).unwrap_err();
            assert_eq!((problem.status.as_u16(), &*problem.code), (400, "malformed_json"), "{json:?}");
        }
        assert!(parse::<Body>(deep.as_bytes()).unwrap_err().status.is_client_error());
    }
}
