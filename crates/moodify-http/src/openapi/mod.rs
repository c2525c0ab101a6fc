//! The OpenAPI document: generated from the handlers, then completed.

pub(crate) mod problems;

use moodify_core::Services;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi as _};

use self::problems::{General, general, problem};
use crate::config::Limits;
use crate::problem::{FieldProblem, ProblemBody};
use crate::routes;

/// What stands in the document beside the operations.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Moodify",
        description = "The backend of a music streaming service.\n\n\
            Errors are problem documents (RFC 9457); programs decide by `code`. Lists come in pages: \
            pass `next_cursor` as `cursor`. Reads carry an `ETag` and honour `If-None-Match`; writes to \
            versioned things take `If-Match`. Every answer carries `X-Request-Id`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(ProblemBody<'static>, FieldProblem)),
    tags(
        (name = "auth", description = "Accounts and sessions."),
        (name = "tracks", description = "What can be heard."),
        (name = "artists", description = "Who made it, and who listens."),
        (name = "library", description = "What a listener keeps."),
        (name = "playlists", description = "Tracks in an order of one's own."),
        (name = "media", description = "Audio and covers, behind signed addresses."),
        (name = "operations", description = "For those who run it."),
    ),
    modifiers(&AccessToken),
)]
struct Frame;

struct AccessToken;

impl Modify for AccessToken {
    fn modify(&self, document: &mut OpenApi) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.bearer_format = Some("JWT".to_owned());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("access_token", SecurityScheme::Http(bearer));
        let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("metrics_token", token);
        let about = "The refresh token of a session in a cookie, for `/v1/auth` only. Without https its name \
                     is `moodify_refresh`.";
        let cookie = ApiKeyValue::with_description("__Secure-moodify_refresh", about);
        components.add_security_scheme("session_cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// The document that the route list starts from.
pub(crate) fn frame() -> OpenApi {
    Frame::openapi()
}

/// The OpenAPI 3.1 document of these services. The same for the same code: it can be committed
/// and compared.
pub fn openapi(services: Services) -> OpenApi {
    let mut document = routes::all(services, Limits::default()).into_openapi();
    complete(&mut document);
    document
}

/// Adds the problems that follow from the shape of an operation.
pub(crate) fn complete(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        if let Some(read) = item.get.as_mut().filter(|read| !has_tag(read, "operations")) {
            add_not_modified(read);
        }
        let operations =
            [&mut item.get, &mut item.head, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            for General { status, code, text } in implied(operation) {
                let responses = &mut operation.responses.responses;
                let documented = || RefOr::T(problem(status, code, text));
                responses.entry(status.as_str().to_owned()).or_insert_with(documented);
            }
        }
    }
}

/// Reads carry an `ETag` and honour `If-None-Match`.
fn add_not_modified(read: &mut Operation) {
    let responses = &mut read.responses.responses;
    if responses.contains_key("200") {
        let unchanged = ResponseBuilder::new().description("Unchanged: `If-None-Match` names its `ETag`.");
        responses.insert("304".to_owned(), unchanged.build().into());
    }
}

fn has_tag(operation: &Operation, name: &str) -> bool {
    operation.tags.iter().flatten().any(|tag| tag == name)
}

fn implied(operation: &Operation) -> Vec<General> {
    let mut problems = vec![general::INTERNAL];
    if !has_tag(operation, "operations") {
        problems.push(general::UNAVAILABLE);
        // Players ask for media as often as they must.
        if !has_tag(operation, "media") {
            problems.push(general::RATE_LIMITED);
        }
    }
    if operation.security.as_ref().is_some_and(|security| !security.is_empty()) {
        problems.push(general::UNAUTHENTICATED);
    }
    if let Some(RefOr::T(body)) = &operation.request_body {
        let is_json = body.content.contains_key("application/json");
        problems.push(if is_json { general::MALFORMED_JSON } else { general::MALFORMED_MULTIPART });
        problems.extend([
            general::REQUEST_TIMEOUT,
            general::TOO_LARGE,
            general::UNSUPPORTED_MEDIA_TYPE,
            general::INVALID,
        ]);
    }
    let in_query = |parameter: &RefOr<utoipa::openapi::path::Parameter>| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query);
    // Of a signed address nothing is invalid: it is good or forbidden.
    if operation.parameters.iter().flatten().any(in_query) && !has_tag(operation, "media") {
        problems.push(general::INVALID);
    }
    problems
}
