//! The outermost layer: gives the request its id and span, and the answer its final shape.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use moodify_core::model::TraceContext;
use moodify_core::port::Measurement;
use tracing::Instrument;
use uuid::Uuid;

use super::access_log::{self, Counted, Line};
use crate::app::App;
use crate::extract::client;
use crate::problem::{PROBLEM_JSON, Problem, ProblemBody};
use crate::sync::is_socket;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What requests of sockets are counted as.
const SOCKETS: &str = "/socket.io/";

/// Names one request in the answer, in problem documents and in the log.
type RequestId = Arc<str>;

/// Runs a request and finishes its answer.
pub(crate) async fn answer(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = app.context.now();
    let id = request_id(&app, request.headers());
    let (route, method, path) = (route(&request), request.method().clone(), access_log::path(request.uri()));
    // The socket library refuses in JSON of its own.
    let is_of_socket = is_socket(request.uri().path());
    let client = client(request.extensions(), request.headers(), app.config.trusted_proxies);
    let span = tracing::info_span!(
        "request",
        otel.name = tracing::field::Empty,
        otel.kind = tracing::field::Empty,
        request_id = %id,
        %method,
        route,
        account = tracing::field::Empty,
        client = client.map(tracing::field::display),
    );
    app.context.tracer.describe(&span, &format!("{method} {route}"));
    if let Some(trace) = caller_trace(&app, request.headers()) {
        app.context.tracer.resume(&span, &trace);
    }
    let outcome = async {
        let mut response = next.run(request).await;
        if is_plain_options(&method, &response) {
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        finish(&app, &id, response, is_of_socket)
    };
    let response = outcome.instrument(span.clone()).await;
    let status = response.status();
    // A clock that went back makes nothing quicker than at once.
    let elapsed = Duration::try_from(app.context.now().duration_since(started)).unwrap_or_default();
    let measured =
        Measurement::Request { method: known(&method), route: &route, status: status.as_u16(), elapsed };
    app.context.record(measured);
    let line = Line { span, path, status, elapsed };
    response.map(|body| Body::new(Counted::new(body, line)))
}

/// The pattern of the route: there are few, and addresses hold names. Empty when there is none.
fn route(request: &Request) -> String {
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let sockets = is_socket(request.uri().path()).then_some(SOCKETS);
    matched.or(sockets).unwrap_or_default().to_owned()
}

/// One of few: a client can write any word.
fn known(method: &Method) -> &str {
    const METHODS: [Method; 7] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if METHODS.contains(method) { method.as_str() } else { "OTHER" }
}

/// Where the caller stands in a trace, if it is to be believed (W3C Trace Context).
fn caller_trace(app: &App, headers: &HeaderMap) -> Option<TraceContext> {
    let mut values = headers.get_all("traceparent").iter();
    let value = values.next().filter(|_| app.config.trust_traceparent)?;
    if values.next().is_some() { None } else { value.to_str().ok()?.parse().ok() }
}

/// The client's own id when it is a sane one, so that its log and ours can be joined.
fn request_id(app: &App, headers: &HeaderMap) -> RequestId {
    const MAX_BYTES: usize = 128;
    let sane = |id: &&str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        !id.is_empty() && id.len() <= MAX_BYTES && id.bytes().all(plain)
    };
    let given = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok()).filter(sane);
    given.map_or_else(|| app.context.new_id::<Uuid>().to_string().into(), Into::into)
}

/// Outside of CORS, `OPTIONS` only asks which methods there are (RFC 9110, 9.3.7).
fn is_plain_options(method: &Method, response: &Response) -> bool {
    method == Method::OPTIONS && response.status() == StatusCode::METHOD_NOT_ALLOWED
}

fn finish(app: &App, id: &str, response: Response, is_of_socket: bool) -> Response {
    let mut response = if is_foreign_failure(&response, is_of_socket) {
        // A part below (axum, a static page) failed in its own words: say it in ours.
        let (parts, _) = response.into_parts();
        let mut response = Problem::from_status(parts.status).into_response();
        if let Some(allow) = parts.headers.get(header::ALLOW) {
            response.headers_mut().insert(header::ALLOW, allow.clone());
        }
        copy_cors(&parts.headers, response.headers_mut());
        response
    } else {
        response
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        write(id, &problem, &mut response);
    }
    add_headers(app, id, response.headers_mut());
    response
}

fn is_foreign_failure(response: &Response, is_of_socket: bool) -> bool {
    let status = response.status();
    let is_json = || {
        let content_type = response.headers().get(header::CONTENT_TYPE);
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
    };
    (status.is_client_error() || status.is_server_error())
        && response.extensions().get::<Problem>().is_none()
        && (is_of_socket || !is_json())
}

fn copy_cors(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from {
        if name == header::VARY || name.as_str().starts_with("access-control-") {
            to.insert(name, value.clone());
        }
    }
}

fn write(id: &str, problem: &Problem, response: &mut Response) {
    problem.log();
    let body = ProblemBody {
        r#type: "about:blank",
        title: problem.title(),
        status: problem.status.as_u16(),
        detail: &problem.detail,
        code: &problem.code,
        request_id: id,
        errors: &problem.errors,
        current_version: problem.current_version,
    };
    // Texts and numbers only: this cannot fail, and an empty body would still carry the status.
    let json = serde_json::to_vec(&body).unwrap_or_default();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(json);
}

/// OWASP REST Security Cheat Sheet. A route that needs something else (the documentation page)
/// sets it itself.
fn add_headers(app: &App, id: &str, headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(X_REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(nothing);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if app.config.public_url.scheme() == "https" {
        let two_years = HeaderValue::from_static("max-age=63072000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, two_years);
    }
}
