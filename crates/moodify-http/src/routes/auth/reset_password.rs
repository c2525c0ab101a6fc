use axum::extract::State;
use http::StatusCode;
use moodify_core::model::MailToken;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::extract::JsonBody;
use crate::openapi::fields::{OfMailToken, OfNewPassword};
use crate::problem::Problem;

/// What the link in the mail carried, and the new password.
#[derive(Deserialize, ToSchema)]
#[schema(as = ResetPasswordRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetPasswordBody {
    /// Works once, for an hour, until a newer one is sent or the password is changed.
    #[schema(example = "rZ3m0zH2yW5n8Jw7hQ1cT9xK4vB6gD0aLsPeUiRoYtE")]
    token: String,
    /// By the same rules as at sign-up.
    #[schema(example = "correct horse battery staple", format = Password, max_length = 1024)]
    password: String,
}

/// Choose a new password by the link in a mail
///
/// All sessions of the account end, and its mailbox counts as proved. A token that is not good gets
/// 422 with `token_invalid` at `/token`, whatever the reason.
#[utoipa::path(
    post,
    path = "/v1/auth/password/reset",
    operation_id = "reset_password",
    tag = "auth",
    request_body = ResetPasswordBody,
    responses(
        (status = 204, description = "Log in with the new password."),
        OfMailToken, OfNewPassword,
    ),
)]
pub(crate) async fn reset_password(
    State(app): State<App>,
    JsonBody(body): JsonBody<ResetPasswordBody>,
) -> Result<StatusCode, Problem> {
    app.moodify.accounts().reset_password(&MailToken::new(body.token), &body.password).await?;
    Ok(StatusCode::NO_CONTENT)
}
