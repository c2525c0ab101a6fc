use axum::extract::State;
use http::StatusCode;
use moodify_core::model::UploadId;

use crate::app::App;
use crate::extract::{Bearer, PathId};
use crate::openapi::problems::{UploadFinished, UploadNotFound};
use crate::problem::Problem;

/// Abort an upload
///
/// What was sent is removed.
#[utoipa::path(
    delete,
    path = "/v1/uploads/{upload_id}",
    operation_id = "abort_upload",
    tag = "uploads",
    security(("access_token" = [])),
    params(("upload_id" = uuid::Uuid, Path)),
    responses((status = 204, description = "Gone."), UploadFinished, UploadNotFound),
)]
pub(crate) async fn abort_upload(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<UploadId>,
) -> Result<StatusCode, Problem> {
    app.moodify.catalog().abort_direct_upload(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
