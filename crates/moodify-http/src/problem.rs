//! The one place where failures become answers (RFC 9457). Handlers, extractors and middleware
//! return a [`Problem`]; [`crate::middleware::answer`] writes it, with the request's id.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use moodify_core::model::FieldError;
use moodify_core::port::{BoxError, Unavailable};
use moodify_core::{AuthFailure, Error};
use serde::Serialize;
use utoipa::ToSchema;

use crate::extract::multipart_fault;

/// The media type of problem documents.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// An answer that says what went wrong.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: Cow<'static, str>,
    pub(crate) detail: Box<str>,
    pub(crate) errors: Vec<FieldError>,
    pub(crate) current_version: Option<u64>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// For the log, never for the client.
    pub(crate) cause: Option<Arc<BoxError>>,
}

/// A problem document as clients see it (RFC 9457). Programs decide by `code`.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// Always `about:blank`: the kind of problem is in `code`.
    #[schema(example = "about:blank")]
    pub(crate) r#type: &'static str,
    /// The status in words.
    #[schema(example = "Unprocessable Entity")]
    pub(crate) title: &'a str,
    /// The HTTP status.
    #[schema(value_type = i32, example = 422)]
    pub(crate) status: u16,
    /// One English sentence for a person.
    #[schema(example = "The request has invalid fields.")]
    pub(crate) detail: &'a str,
    /// Stable name of the problem, in snake_case.
    #[schema(example = "validation_failed")]
    pub(crate) code: &'a str,
    /// The id of this request, as in `X-Request-Id`; quote it when you report a fault.
    pub(crate) request_id: &'a str,
    /// What is wrong with which field, when `code` is `validation_failed`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Option<Vec<FieldProblem>>)]
    pub(crate) errors: &'a [FieldError],
    /// The version it has now, when `code` is `stale_version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i32>)]
    pub(crate) current_version: Option<u64>,
}

/// What is wrong with one field.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents moodify_core::model::FieldError, which is what is sent")]
pub(crate) struct FieldProblem {
    /// JSON pointer (RFC 6901) to the field; query parameters and form parts count as fields.
    #[schema(example = "/email")]
    pointer: String,
    /// Stable name of the reason, in snake_case.
    #[schema(example = "invalid_email")]
    code: String,
    /// One English sentence for a person.
    #[schema(example = "This is not an e-mail address.")]
    message: String,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Box<str>>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            detail: detail.into(),
            errors: Vec::new(),
            current_version: None,
            headers: Vec::new(),
            cause: None,
        }
    }

    /// Fields that are wrong.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = "The request has invalid fields.";
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", detail) }
    }

    /// One field that is wrong.
    pub(crate) fn invalid_field(pointer: impl Into<String>, code: &'static str, message: &str) -> Self {
        Self::invalid(vec![FieldError { pointer: pointer.into(), code, message: message.to_owned() }])
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{what}_not_found"), format!("There is no such {what}."))
    }

    pub(crate) fn too_large(max_bytes: u64) -> Self {
        let detail = format!("Send at most {max_bytes} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail)
    }

    pub(crate) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "The body of the request came too slowly.")
    }

    pub(crate) fn internal(cause: impl Into<BoxError>) -> Self {
        let detail = "Something went wrong on our side.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", detail).caused_by(cause)
    }

    /// What a bare status means when some part below answered with nothing but that.
    pub(crate) fn from_status(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => ("not_found", "There is nothing at this address."),
            StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "Use a method that `Allow` names."),
            StatusCode::PAYLOAD_TOO_LARGE => ("payload_too_large", "The body is too large."),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ("unsupported_media_type", "Send another content type."),
            status if status.is_client_error() => ("bad_request", "The request cannot be understood."),
            _ => ("internal_error", "Something went wrong on our side."),
        };
        Self::new(status, code, detail)
    }

    #[must_use]
    pub(crate) fn caused_by(mut self, cause: impl Into<BoxError>) -> Self {
        self.cause = Some(Arc::new(cause.into()));
        self
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    #[must_use]
    pub(crate) fn retry_after(self, delay: Duration) -> Self {
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// What went wrong on our side goes into the log; the client is not told.
    pub(crate) fn log(&self) {
        if self.status.is_server_error() {
            let cause = self.cause.as_ref().map(|cause| chain(&***cause));
            tracing::error!(code = %self.code, cause = cause.as_deref().unwrap_or("-"), "failed");
        }
    }

    /// The title of RFC 9457 for `about:blank`: the status in words.
    pub(crate) fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Error")
    }
}

/// An error with everything that caused it, on one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes: Vec<String> =
        std::iter::successors(Some(error), |cause| cause.source()).map(ToString::to_string).collect();
    causes.join(": ")
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.headers_mut().extend(self.headers.clone());
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(errors) => Self::invalid(errors),
            Error::Unauthenticated(failure) => failure.into(),
            Error::Forbidden { code, message } => Self::new(StatusCode::FORBIDDEN, code, message),
            Error::NotFound { what } => Self::not_found(what),
            Error::Conflict { code, message } => Self::new(StatusCode::CONFLICT, code, message),
            Error::StaleVersion { current } => stale(current),
            Error::TooLarge { max_bytes } => Self::too_large(max_bytes),
            Error::Body(fault) => multipart_fault(&fault),
            Error::Busy { retry_after } => {
                let detail = "Too many requests; try again later.";
                Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail).retry_after(retry_after)
            }
            Error::Unavailable(fault) => fault.into(),
            Error::IdentityProvider(fault) => provider_fault(fault),
            Error::Internal(cause) => Self::internal(cause),
        }
    }
}

impl From<AuthFailure> for Problem {
    fn from(failure: AuthFailure) -> Self {
        // RFC 6750, 3: no error code when no token was sent.
        let challenge = match failure {
            AuthFailure::Missing | AuthFailure::InvalidCredentials => r#"Bearer realm="moodify""#,
            AuthFailure::InvalidToken | AuthFailure::ExpiredToken => {
                r#"Bearer realm="moodify", error="invalid_token""#
            }
        };
        let mut detail = failure.to_string();
        detail[..1].make_ascii_uppercase();
        detail.push('.');
        Self::new(StatusCode::UNAUTHORIZED, failure.code(), detail)
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }
}

/// How long a client waits before a lost connection or full pool is worth another try.
const RETRY_AFTER: Duration = Duration::from_secs(5);

impl From<Unavailable> for Problem {
    fn from(fault: Unavailable) -> Self {
        if !fault.retryable {
            return Self::internal(fault);
        }
        let detail = "A part of the service does not answer; try again later.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
            .retry_after(RETRY_AFTER)
            .caused_by(fault)
    }
}

/// Also where somebody must act: it is another's part that does not work, and there are other ways in.
fn provider_fault(fault: Unavailable) -> Problem {
    let detail = "The identity provider does not answer as it should; sign in otherwise, or try again later.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "identity_provider_unavailable", detail)
        .retry_after(RETRY_AFTER)
        .caused_by(fault)
}

fn stale(current: u64) -> Problem {
    let detail = "Somebody else changed it first: read it again.";
    let problem = Problem::new(StatusCode::PRECONDITION_FAILED, "stale_version", detail);
    Problem { current_version: Some(current), ..problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_its_status_and_no_cause_is_told() {
        let driver = || Unavailable::passing("password=hunter2 at 10.0.0.1");
        for (error, status, code) in [
            (Error::Invalid(Vec::new()), 422, "validation_failed"),
            (AuthFailure::Missing.into(), 401, "unauthorized"),
            (AuthFailure::InvalidCredentials.into(), 401, "invalid_credentials"),
            (Error::Forbidden { code: "artist_only", message: "…" }, 403, "artist_only"),
            (Error::NotFound { what: "track" }, 404, "track_not_found"),
            (Error::Conflict { code: "email_taken", message: "…" }, 409, "email_taken"),
            (Error::StaleVersion { current: 7 }, 412, "stale_version"),
            (Error::TooLarge { max_bytes: 5 }, 413, "payload_too_large"),
            (Error::Body(std::io::ErrorKind::UnexpectedEof.into()), 400, "malformed_body"),
            (Error::Busy { retry_after: Duration::from_millis(1) }, 429, "rate_limited"),
            (Error::Unavailable(driver()), 503, "unavailable"),
            (Error::Unavailable(Unavailable::lasting("no such table")), 500, "internal_error"),
            (Error::IdentityProvider(driver()), 503, "identity_provider_unavailable"),
            (
                Error::IdentityProvider(Unavailable::lasting("no such table")),
                503,
                "identity_provider_unavailable",
            ),
            (Error::internal("a bug"), 500, "internal_error"),
        ] {
            let problem = Problem::from(error);
            assert_eq!((problem.status.as_u16(), &*problem.code), (status, code));
            assert!(!problem.detail.contains("hunter2") && !problem.detail.contains("table"));
            let has = |name| problem.headers.iter().any(|(header, _)| *header == name);
            assert_eq!(has(header::RETRY_AFTER), matches!(status, 429 | 503), "{code}");
            assert_eq!(has(header::WWW_AUTHENTICATE), status == 401, "{code}");
            assert_eq!(problem.cause.is_some(), status >= 500, "{code}");
        }
    }
}
