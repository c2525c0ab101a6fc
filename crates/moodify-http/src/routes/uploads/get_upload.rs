use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use moodify_core::model::UploadId;

use super::upload::DirectUploadBody;
use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, PathId};
use crate::openapi::problems::UploadNotFound;
use crate::problem::Problem;

/// How far an upload has come
///
/// Which parts are there, with fresh addresses for those that are not; after it was completed, whether it has become a
/// track. It is forgotten a week after its end.
#[utoipa::path(
    get,
    path = "/v1/uploads/{upload_id}",
    operation_id = "get_upload",
    tag = "uploads",
    security(("access_token" = [])),
    params(("upload_id" = uuid::Uuid, Path)),
    responses((status = 200, description = "The upload.", body = DirectUploadBody), UploadNotFound),
)]
pub(crate) async fn get_upload(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<UploadId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let view = app.moodify.catalog().direct_upload(&caller, id).await?;
    etag::read(&headers, None, &DirectUploadBody::from(view))
}
