use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// The process answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Liveness {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the process is alive
///
/// Asks nothing else: restarting the process would not mend a database.
#[utoipa::path(
    get,
    path = "/health/live",
    operation_id = "get_liveness",
    tag = "operations",
    responses((status = 200, description = "It is.", body = Liveness)),
)]
pub(crate) async fn get_liveness() -> Json<Liveness> {
    Json(Liveness { status: "ok" })
}
