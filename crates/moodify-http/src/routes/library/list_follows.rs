use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;

use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, PageParams, Params};
use crate::problem::Problem;
use crate::routes::artists::artist::ArtistPage;

/// The artists you follow, the newest follow first
#[utoipa::path(
    get,
    path = "/v1/me/follows",
    operation_id = "list_follows",
    tag = "library",
    security(("access_token" = [])),
    params(PageParams),
    responses((status = 200, description = "A page of artists.", body = ArtistPage)),
)]
pub(crate) async fn list_follows(
    State(app): State<App>,
    Bearer(caller): Bearer,
    Params(params): Params<PageParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (limit, cursor) = params.check()?;
    let listing = app.moodify.catalog().follows(&caller, limit, cursor.as_deref()).await?;
    etag::read(&headers, None, &ArtistPage::from(listing))
}
