use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use moodify_core::model::UploadId;

use super::upload::DirectUploadBody;
use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, PathId};
use crate::openapi::problems::{PartsMissing, UploadNotFound};
use crate::problem::Problem;

/// Complete an upload
///
/// All parts are there: somebody looks at them, and makes a track of them. Ask for the upload to learn when it is ready.
/// Completing it again changes nothing.
#[utoipa::path(
    post,
    path = "/v1/uploads/{upload_id}/complete",
    operation_id = "complete_upload",
    tag = "uploads",
    security(("access_token" = [])),
    params(("upload_id" = uuid::Uuid, Path)),
    responses(
        (status = 202, description = "The upload.", body = DirectUploadBody, headers(
            ("ETag" = String, description = "For `If-None-Match`."),
        )),
        PartsMissing, UploadNotFound,
    ),
)]
pub(crate) async fn complete_upload(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<UploadId>,
) -> Result<Response, Problem> {
    let view = app.moodify.catalog().complete_direct_upload(&caller, id).await?;
    etag::json(StatusCode::ACCEPTED, None, &DirectUploadBody::from(view))
}
