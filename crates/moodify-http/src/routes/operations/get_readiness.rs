use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::future::join_all;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::config::HealthCheck;

/// Whether what the service needs is there.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    status: ReadinessStatus,
    checks: Vec<CheckState>,
}

/// Whether requests should be sent here.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReadinessStatus {
    /// They should.
    Ready,
    /// They should not.
    NotReady,
}

/// One part that the service depends on.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckState {
    #[schema(example = "database")]
    name: &'static str,
    status: CheckStatus,
}

/// How one part is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckStatus {
    /// It answered.
    Ok,
    /// It did not; the log says why.
    Failed,
}

/// Whether the service can do its work
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "get_readiness",
    tag = "operations",
    responses(
        (status = 200, description = "It can. A part that no request waits for may have failed.", body = Readiness),
        (status = 503, description = "A part is missing.", body = Readiness),
    ),
)]
pub(crate) async fn get_readiness(State(app): State<App>) -> Response {
    let parts = &app.config.checks;
    let checks = join_all(parts.iter().map(|part| state(&**part))).await;
    let ready =
        parts.iter().zip(&checks).all(|(part, check)| check.status == CheckStatus::Ok || !part.is_vital());
    let (code, status) = match ready {
        true => (StatusCode::OK, ReadinessStatus::Ready),
        false => (StatusCode::SERVICE_UNAVAILABLE, ReadinessStatus::NotReady),
    };
    (code, Json(Readiness { status, checks })).into_response()
}

async fn state(check: &dyn HealthCheck) -> CheckState {
    /// Load balancers ask every few seconds; a part that needs longer is as good as gone.
    const LIMIT: Duration = Duration::from_secs(2);
    let name = check.name();
    let status = match tokio::time::timeout(LIMIT, check.check()).await {
        Ok(Ok(())) => CheckStatus::Ok,
        Ok(Err(error)) => {
            tracing::warn!(name, error, "a dependency does not work");
            CheckStatus::Failed
        }
        Err(_) => {
            tracing::warn!(name, "a dependency does not answer within {LIMIT:?}");
            CheckStatus::Failed
        }
    };
    CheckState { name, status }
}
