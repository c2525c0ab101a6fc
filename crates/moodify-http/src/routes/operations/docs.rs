//! A page to read the OpenAPI document on; it works offline.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::{HeaderValue, header};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::App;

/// A page to read this document on
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "get_docs",
    tag = "operations",
    responses((status = 303, description = "The page is there; it works offline.", headers(
        ("Location" = String, description = "`/docs/`."),
    ))),
)]
#[expect(dead_code, reason = "documents what the page's own router answers")]
pub(crate) fn get_docs() {}

/// The page under `/docs`.
pub(crate) fn router() -> Router<App> {
    let page = SwaggerUi::new("/docs").config(Config::from("/openapi.json").validator_url("none"));
    Router::<App>::from(page).layer(from_fn(allow_own_scripts))
}

/// The page brings its own scripts and styles, and may load nothing from elsewhere.
async fn allow_own_scripts(request: Request, next: Next) -> Response {
    const POLICY: HeaderValue = HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    );
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}
