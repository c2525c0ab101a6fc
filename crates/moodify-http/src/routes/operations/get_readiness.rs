use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::future::join_all;
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::app::App;
use crate::config::HealthCheck;

/// Whether what the service needs is there.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Readiness {
    status: ReadinessStatus,
    checks: Vec<CheckState>,
}

/// Whether requests should be sent here.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReadinessStatus {
    /// They should.
    Ready,
    /// They should not.
    NotReady,
}

/// One part that the service depends on.
#[derive(Clone, Serialize, ToSchema)]
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
    let readiness = app.readiness.get(&app).await;
    let code = match readiness.status {
        ReadinessStatus::Ready => StatusCode::OK,
        ReadinessStatus::NotReady => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, Json(readiness)).into_response()
}

/// What was found out last. A check writes to disks and asks servers, and anybody may ask for it: one
/// asks at a time, and whoever comes meanwhile or shortly after gets the same answer.
#[derive(Default)]
pub(crate) struct LastReadiness(Mutex<Option<(Timestamp, Readiness)>>);

impl LastReadiness {
    async fn get(&self, app: &App) -> Readiness {
        const FRESH: Duration = Duration::from_secs(1);
        let mut last = self.0.lock().await;
        if let Some((at, readiness)) = &*last
            // A clock that went back makes nothing fresh for longer.
            && Duration::try_from(app.context.now().duration_since(*at)).is_ok_and(|age| age < FRESH)
        {
            return readiness.clone();
        }
        let parts = &app.config.checks;
        let checks = join_all(parts.iter().map(|part| state(&**part))).await;
        let works = |check: &CheckState| check.status == CheckStatus::Ok;
        let ready = parts.iter().zip(&checks).all(|(part, check)| works(check) || !part.is_vital());
        let status = if ready { ReadinessStatus::Ready } else { ReadinessStatus::NotReady };
        let readiness = Readiness { status, checks };
        *last = Some((app.context.now(), readiness.clone()));
        readiness
    }
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
