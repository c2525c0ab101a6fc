use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use moodify_core::model::{Email, PersonName};
use moodify_core::service::accounts::SignUp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::session::{SessionBody, SessionKind};
use crate::app::App;
use crate::extract::{Client, JsonBody, Program, check, field};
use crate::openapi::fields::{OfEmail, OfNewPassword, OfPersonName, OfTexts};
use crate::openapi::problems::{CrossSiteRequest, EmailTaken};
use crate::problem::Problem;

/// What a listener signs up with.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignUpUserRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignUpUserBody {
    #[schema(example = "ada@example.com", format = Email, max_length = 254)]
    email: String,
    /// At least 10 characters unless configured otherwise; none that many people use, and no variation
    /// of your own names.
    #[schema(example = "correct horse battery staple", format = Password, max_length = 1024)]
    password: String,
    #[schema(example = "Ada", min_length = 1, max_length = 100)]
    first_name: String,
    #[schema(example = "Lovelace", min_length = 1, max_length = 100)]
    last_name: String,
    session: Option<SessionKind>,
}

/// Sign up as a listener
///
/// A welcome mail follows, and one with a link that proves the mailbox.
#[utoipa::path(
    post,
    path = "/v1/auth/users/signup",
    operation_id = "sign_up_user",
    tag = "auth",
    request_body = SignUpUserBody,
    responses(
        (status = 201, description = "Signed up and signed in.", body = SessionBody),
        EmailTaken, CrossSiteRequest, OfEmail, OfNewPassword, OfPersonName, OfTexts,
    ),
)]
pub(crate) async fn sign_up_user(
    State(app): State<App>,
    Client(from): Client,
    Program(user_agent): Program,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SignUpUserBody>,
) -> Result<Response, Problem> {
    let accounts = app.moodify.accounts();
    let kind = SessionKind::asked(&app, body.session, &headers)?;
    let own = [&*body.email, &body.first_name, &body.last_name];
    let (email, password, first_name, last_name) = check((
        field("/email", Email::parse(&body.email)),
        field("/password", accounts.new_password(&body.password, &own)),
        field("/first_name", PersonName::parse(&body.first_name)),
        field("/last_name", PersonName::parse(&body.last_name)),
    ))?;
    app.moodify.limits().sign_up(from)?;
    let request = SignUp { email, password, first_name, last_name, artist_name: None, user_agent };
    SessionBody::answer(&app, StatusCode::CREATED, accounts.sign_up(request).await?, kind)
}
