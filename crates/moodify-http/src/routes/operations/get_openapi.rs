use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;

use crate::app::App;
use crate::problem::Problem;

/// This document
///
/// Of the services of this process alone.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "get_openapi",
    tag = "operations",
    responses((status = 200, description = "It is of OpenAPI 3.1.", body = Object)),
)]
pub(crate) async fn get_openapi(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    Ok(app.document?.read(&headers))
}
