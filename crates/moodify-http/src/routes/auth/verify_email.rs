use axum::extract::State;
use http::StatusCode;
use moodify_core::model::MailToken;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::extract::JsonBody;
use crate::openapi::fields::OfMailToken;
use crate::problem::Problem;

/// What the link in the mail carried.
#[derive(Deserialize, ToSchema)]
#[schema(as = VerifyEmailRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyEmailBody {
    /// Works once, for 24 hours, until a newer one is sent.
    #[schema(example = "rZ3m0zH2yW5n8Jw7hQ1cT9xK4vB6gD0aLsPeUiRoYtE")]
    token: String,
}

/// Prove to read the mailbox of an account
///
/// A token that is not good gets 422 with `token_invalid` at `/token`, whatever the reason.
#[utoipa::path(
    post,
    path = "/v1/auth/email/verify",
    operation_id = "verify_email",
    tag = "auth",
    request_body = VerifyEmailBody,
    responses(
        (status = 204, description = "Proved."),
        OfMailToken,
    ),
)]
pub(crate) async fn verify_email(
    State(app): State<App>,
    JsonBody(body): JsonBody<VerifyEmailBody>,
) -> Result<StatusCode, Problem> {
    app.moodify.accounts().verify_email(&MailToken::new(body.token)).await?;
    Ok(StatusCode::NO_CONTENT)
}
