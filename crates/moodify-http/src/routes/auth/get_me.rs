use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;

use super::session::AccountBody;
use crate::app::App;
use crate::etag;
use crate::extract::Bearer;
use crate::problem::Problem;

/// Your account
#[utoipa::path(
    get,
    path = "/v1/me",
    operation_id = "get_me",
    tag = "auth",
    security(("access_token" = [])),
    responses((status = 200, description = "Your account.", body = AccountBody)),
)]
pub(crate) async fn get_me(
    State(app): State<App>,
    Bearer(caller): Bearer,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let account = app.moodify.accounts().account(&caller).await?;
    etag::read(&headers, None, &AccountBody::from(account))
}
