use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::extract::{Bearer, JsonBody};
use crate::openapi::fields::{OfCurrentPassword, OfNewPassword};
use crate::problem::Problem;

/// The password that is, and the one that is to be.
#[derive(Deserialize, ToSchema)]
#[schema(as = ChangePasswordRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePasswordBody {
    #[schema(example = "correct horse battery staple", format = Password, max_length = 1024)]
    current_password: String,
    /// By the same rules as at sign-up.
    #[schema(example = "wrong camel engine paperclip", format = Password, max_length = 1024)]
    new_password: String,
}

/// Change your password
///
/// All your other sessions end; this one goes on. A current password that is wrong gets 422 with
/// `wrong_password` at `/current_password`.
#[utoipa::path(
    post,
    path = "/v1/auth/password/change",
    operation_id = "change_password",
    tag = "auth",
    security(("access_token" = [])),
    request_body = ChangePasswordBody,
    responses(
        (status = 204, description = "Changed; a mail tells the owner."),
        OfCurrentPassword, OfNewPassword,
    ),
)]
pub(crate) async fn change_password(
    State(app): State<App>,
    Bearer(caller): Bearer,
    JsonBody(body): JsonBody<ChangePasswordBody>,
) -> Result<StatusCode, Problem> {
    app.moodify.accounts().change_password(&caller, &body.current_password, &body.new_password).await?;
    Ok(StatusCode::NO_CONTENT)
}
