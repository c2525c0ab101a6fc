//! The OpenAPI document and a page to read it on; both work offline.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, HeaderValue, header};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::App;
use crate::etag::Tagged;

/// `GET /openapi.json` and the page under `/docs`.
pub(crate) fn router(document: &OpenApi) -> Router<App> {
    // 200 KB of JSON that anybody may ask for.
    let document = Tagged::new(None, document).map(Arc::new);
    let json = move |headers: HeaderMap| async move { document.map(|document| document.read(&headers)) };
    let page = SwaggerUi::new("/docs").config(Config::from("/openapi.json").validator_url("none"));
    Router::new()
        .merge(Router::<App>::from(page).layer(from_fn(allow_own_scripts)))
        .route("/openapi.json", get(json))
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
