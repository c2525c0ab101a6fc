//! The OpenAPI document: generated from the handlers, then completed.

pub(crate) mod fields;
mod gather;
pub(crate) mod problems;

use std::collections::BTreeMap;

use moodify_core::Services;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Object, OpenApi, RefOr, Required, Response, ResponseBuilder, Type};
use utoipa::{IntoResponses, Modify, OpenApi as _};

use self::fields::{OfCursor, OfForm, OfJson, OfLimit, OfQuery};
use self::gather::{Examples, gather};
use self::problems::{
    AmbiguousCookie, AmbiguousHost, Internal, InvalidToken, MalformedBody, MalformedIfMatch, MalformedJson,
    MalformedMultipart, RateLimited, RequestTimeout, StaleVersion, Timeout, TokenExpired, TooLarge,
    Unauthorized, Unavailable, UnsupportedMediaType,
};
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
    paths(routes::operations::docs::get_docs),
    components(schemas(ProblemBody<'static>, FieldProblem)),
    tags(
        (name = "auth", description = "Accounts and sessions."),
        (name = "tracks", description = "What can be heard."),
        (name = "uploads", description = "Large files, straight to the store, part by part."),
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

/// Adds what follows from the shape of an operation, and puts its problems together.
pub(crate) fn complete(document: &mut OpenApi) {
    let mut examples = Examples::new();
    for (path, item) in &mut document.paths.paths {
        if let Some(read) = item.get.as_mut().filter(|read| is_conditional(read)) {
            add_not_modified(read);
        }
        let operations =
            [&mut item.get, &mut item.head, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            if takes(operation, "session_cookie")
                && let Some(RefOr::T(body)) = &mut operation.request_body
            {
                body.required = Some(Required::False);
            }
            for problems in implied(path, operation) {
                operation.responses.responses.extend(problems);
            }
            gather(operation, &mut examples);
        }
    }
    document.components.get_or_insert_default().examples = examples;
}

/// How a process is, is told anew every time.
fn is_conditional(read: &Operation) -> bool {
    !has_tag(read, "operations") || read.operation_id.as_deref() == Some("get_openapi")
}

/// Reads carry an `ETag` and honour `If-None-Match`.
fn add_not_modified(read: &mut Operation) {
    let responses = &mut read.responses.responses;
    if !responses.contains_key("200") {
        return;
    }
    let unchanged = ResponseBuilder::new().description("Unchanged: `If-None-Match` names its `ETag`.");
    responses.insert("304".to_owned(), unchanged.build().into());
    for status in ["200", "206", "304"] {
        if let Some(RefOr::T(response)) = responses.get_mut(status) {
            let text = "For `If-None-Match`.";
            let tag =
                HeaderBuilder::new().schema(Some(Object::with_type(Type::String))).description(Some(text));
            response.headers.entry("ETag".to_owned()).or_insert_with(|| tag.build().into());
        }
    }
    let parameter = ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .description(Some("The `ETag` of what you have: if it is still that, nothing is sent."))
        .schema(Some(Object::with_type(Type::String)));
    read.parameters.get_or_insert_default().push(parameter.build().into());
}

fn has_tag(operation: &Operation, name: &str) -> bool {
    operation.tags.iter().flatten().any(|tag| tag == name)
}

fn has_parameter(operation: &Operation, place: &ParameterIn, name: &str) -> bool {
    parameters(operation, place).any(|parameter| parameter.name == name)
}

fn parameters<'a>(operation: &'a Operation, place: &'a ParameterIn) -> impl Iterator<Item = &'a Parameter> {
    let all = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    all.filter(|parameter| parameter.parameter_in == *place)
}

/// Whether this is a way to identify oneself there.
fn takes(operation: &Operation, scheme: &str) -> bool {
    let named = |requirement| serde_json::to_value(requirement).is_ok_and(|json| json.get(scheme).is_some());
    operation.security.iter().flatten().any(named)
}

type Problems = BTreeMap<String, RefOr<Response>>;

fn implied(path: &str, operation: &Operation) -> Vec<Problems> {
    let is_upload = matches!(operation.operation_id.as_deref(), Some("create_track" | "put_media"));
    let mut problems = vec![Internal::responses(), AmbiguousHost::responses()];
    // Uploads end as too slow.
    if !is_upload {
        problems.push(Timeout::responses());
    }
    if !has_tag(operation, "operations") {
        problems.push(Unavailable::responses());
    }
    // As `middleware::limit` counts.
    if path.starts_with("/v1/") {
        problems.push(RateLimited::responses());
    }
    problems.extend(of_security(operation));
    if has_parameter(operation, &ParameterIn::Header, "If-Match") {
        problems.extend([MalformedIfMatch::responses(), StaleVersion::responses()]);
    }
    problems.extend(of_body(operation));
    problems.extend(of_query(operation));
    problems
}

fn of_security(operation: &Operation) -> Vec<Problems> {
    let mut problems = Vec::new();
    for scheme in ["access_token", "metrics_token"] {
        if takes(operation, scheme) {
            problems.extend([Unauthorized::responses(), InvalidToken::responses()]);
        }
    }
    if takes(operation, "access_token") {
        problems.push(TokenExpired::responses());
    }
    if takes(operation, "session_cookie") {
        problems.extend([InvalidToken::responses(), TokenExpired::responses(), AmbiguousCookie::responses()]);
    }
    problems
}

fn of_body(operation: &Operation) -> Vec<Problems> {
    let Some(RefOr::T(body)) = &operation.request_body else { return Vec::new() };
    let of_all = [MalformedBody::responses(), RequestTimeout::responses()];
    let own = if body.content.contains_key("application/json") {
        [MalformedJson::responses(), OfJson::responses()]
    } else if body.content.contains_key("multipart/form-data") {
        [MalformedMultipart::responses(), OfForm::responses()]
    } else {
        // A file to a signed address: whatever else is wrong with it, it is not what was signed.
        return of_all.into();
    };
    let of_documents = [TooLarge::responses(), UnsupportedMediaType::responses()];
    own.into_iter().chain(of_all).chain(of_documents).collect()
}

fn of_query(operation: &Operation) -> Vec<Problems> {
    let place = ParameterIn::Query;
    // Of a signed address nothing is invalid: it is good or forbidden.
    if has_tag(operation, "media") || parameters(operation, &place).next().is_none() {
        return Vec::new();
    }
    let mut problems = vec![OfQuery::responses()];
    if has_parameter(operation, &place, "limit") {
        problems.push(OfLimit::responses());
    }
    if ["cursor", "since"].iter().any(|name| has_parameter(operation, &place, name)) {
        problems.push(OfCursor::responses());
    }
    problems
}
