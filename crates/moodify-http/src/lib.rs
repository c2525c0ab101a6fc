//! Moodify over HTTP. [`router`] turns a [`Moodify`] into an axum router that can be served or
//! merged into an application's own; [`openapi()`] is the document of what it answers.
//!
//! Where to look: `routes/` has one flat list of all routes and one file for each, `extract/` what
//! handlers take from a request, `problem.rs` how every failure is answered, `middleware/` what
//! happens around the handlers.

mod app;
mod config;
mod cookies;
mod etag;
mod extract;
mod middleware;
mod openapi;
mod problem;
mod routes;
pub mod sync;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use moodify_core::Moodify;
pub use moodify_core::Services;
use tower::util::MapRequestLayer;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
pub use crate::config::{
    HealthCheck, HttpConfig, InvalidOrigin, Limits, MAX_JSON_BYTES, Metrics, MetricsPage, Origin,
};
pub use crate::cookies::CookieSessions;
use crate::etag::Tagged;
pub use crate::openapi::openapi;
use crate::problem::Problem;

/// Everything that Moodify answers over HTTP. Serve it with
/// [`into_make_service_with_connect_info`](Router::into_make_service_with_connect_info)`::<SocketAddr>()`:
/// limits by address need to know who is connected.
pub fn router(moodify: &Moodify, config: HttpConfig) -> Router {
    let (routes, mut document) = routes::all(config.services, config.limits).split_for_parts();
    openapi::complete(&mut document);
    let context = moodify.context().clone();
    let cookies = Arc::new(CookieSessions::new(&config.public_url, &config.allowed_origins));
    let app = App {
        moodify: moodify.clone(),
        context,
        config: Arc::new(config),
        cookies,
        readiness: Arc::default(),
        document: Tagged::new(None, &document).map(Arc::new),
    };
    let mut routes = routes.merge(routes::operations::docs::router());
    if let Some(sockets) = app.config.sockets.clone() {
        // What a socket says comes at once; what it asks for may wait until there is something to say.
        let said_in_time = from_fn_with_state(app.config.limits.request, middleware::timeout::said);
        routes = routes.layer(sockets).layer(MapRequestLayer::new(sync::detached)).layer(said_in_time);
    }
    routes
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.clone(), middleware::limit::limit))
        .layer(from_fn(middleware::host::host))
        .layer(from_fn_with_state(app.clone(), middleware::linger::linger))
        .layer(from_fn_with_state(app.clone(), middleware::cors::cors))
        .layer(from_fn_with_state(app.clone(), middleware::answer::answer))
        .with_state(app)
}

/// A bug must not take more than one request down.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the payload over")]
fn panicked(payload: Box<dyn Any + Send>) -> Response {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    Problem::internal(format!("a handler panicked: {}", text.unwrap_or_default())).into_response()
}
