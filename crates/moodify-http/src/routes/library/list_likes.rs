use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;

use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, PageParams, Params};
use crate::problem::Problem;
use crate::routes::tracks::list_tracks::TrackPage;

/// The tracks you like, the newest like first
///
/// Without those that are gone, or that you may not know of any more.
#[utoipa::path(
    get,
    path = "/v1/me/likes",
    operation_id = "list_likes",
    tag = "library",
    security(("access_token" = [])),
    params(PageParams),
    responses((status = 200, description = "A page of tracks.", body = TrackPage)),
)]
pub(crate) async fn list_likes(
    State(app): State<App>,
    Bearer(caller): Bearer,
    Params(params): Params<PageParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (limit, cursor) = params.check()?;
    let listing = app.moodify.catalog().likes(&caller, limit, cursor.as_deref()).await?;
    etag::read(&headers, None, &TrackPage::from(listing))
}
