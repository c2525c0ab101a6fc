use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::extract::Bearer;
use crate::problem::Problem;

/// Have the verification mail sent again
///
/// The link in the mail before stops working. Nothing is sent if your mailbox is proved already, or
/// if the last mail went out less than a minute ago.
#[utoipa::path(
    post,
    path = "/v1/auth/email/resend",
    operation_id = "resend_verification",
    tag = "auth",
    security(("access_token" = [])),
    responses((status = 202, description = "On its way, if there is anything to send.")),
)]
pub(crate) async fn resend_verification(
    State(app): State<App>,
    Bearer(caller): Bearer,
) -> Result<StatusCode, Problem> {
    app.moodify.accounts().resend_verification(&caller).await?;
    Ok(StatusCode::ACCEPTED)
}
