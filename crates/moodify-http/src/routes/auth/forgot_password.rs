use axum::extract::State;
use http::StatusCode;
use moodify_core::model::Email;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::extract::{Client, JsonBody, check, field};
use crate::openapi::fields::OfEmail;
use crate::problem::Problem;

/// Whose password is forgotten.
#[derive(Deserialize, ToSchema)]
#[schema(as = ForgotPasswordRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForgotPasswordBody {
    #[schema(example = "ada@example.com", format = Email, max_length = 254)]
    email: String,
}

/// Have a link for a new password mailed
///
/// The answer is the same whether or not there is such an account. At most one mail goes out in five
/// minutes; the link in the mail before stops working.
#[utoipa::path(
    post,
    path = "/v1/auth/password/forgot",
    operation_id = "forgot_password",
    tag = "auth",
    request_body = ForgotPasswordBody,
    responses(
        (status = 202, description = "On its way, if there is such an account."),
        OfEmail,
    ),
)]
pub(crate) async fn forgot_password(
    State(app): State<App>,
    Client(from): Client,
    JsonBody(body): JsonBody<ForgotPasswordBody>,
) -> Result<StatusCode, Problem> {
    let (email,) = check((field("/email", Email::parse(&body.email)),))?;
    app.moodify.limits().mail_request(from)?;
    app.moodify.accounts().forgot_password(email).await?;
    Ok(StatusCode::ACCEPTED)
}
