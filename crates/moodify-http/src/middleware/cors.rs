//! Which pages may call the API from a browser (Fetch standard, 3.3).

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::app::App;

/// Every page, but without its visitor's cookies.
const ANYBODY: &str = "*";
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const REQUEST_HEADERS: &str = "authorization, content-type, if-match, if-none-match, range, x-request-id";
const RESPONSE_HEADERS: &str = "accept-ranges, content-length, content-range, etag, location, retry-after, \
                                www-authenticate, x-request-id";
/// Chromium asks again after 2 h at the latest; changes of the configuration should show sooner.
const MAX_AGE_SECONDS: u32 = 600;

/// Answers preflight requests, and tells browsers which pages may read an answer.
pub(crate) async fn cors(State(app): State<App>, request: Request, next: Next) -> Response {
    let allowed = allowed_origin(&app, &request);
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_preflight { preflight(allowed.is_some()) } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        if origin != ANYBODY {
            insert(headers, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if !is_preflight {
            insert(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
        }
    }
    response
}

/// A signed URL is a permission by itself, so any page may use it; all else follows the list.
fn allowed_origin(app: &App, request: &Request) -> Option<HeaderValue> {
    let origin = request.headers().get(header::ORIGIN)?;
    if request.uri().path().starts_with("/media/") {
        return Some(HeaderValue::from_static(ANYBODY));
    }
    app.config.allowed_origins.iter().any(|allowed| allowed.as_header() == origin).then(|| origin.clone())
}

fn preflight(allowed: bool) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if allowed {
        let headers = response.headers_mut();
        insert(headers, header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        insert(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(MAX_AGE_SECONDS));
    }
    response
}

fn insert(headers: &mut HeaderMap, name: http::HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}
