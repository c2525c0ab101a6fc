use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use moodify_core::model::{ArtistName, Email, PersonName};
use moodify_core::service::accounts::SignUp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::session::{SessionBody, SessionKind};
use crate::app::App;
use crate::extract::{Client, JsonBody, Program, check, field};
use crate::openapi::fields::{OfEmail, OfNewPassword, OfPersonName, OfTexts};
use crate::openapi::problems::{CrossSiteRequest, EmailTaken};
use crate::problem::Problem;

/// What an artist signs up with.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignUpArtistRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignUpArtistBody {
    #[schema(example = "nina@example.com", format = Email, max_length = 254)]
    email: String,
    /// At least 10 characters unless configured otherwise; none that many people use, and no variation
    /// of your own names.
    #[schema(example = "correct horse battery staple", format = Password, max_length = 1024)]
    password: String,
    #[schema(example = "Nina", min_length = 1, max_length = 100)]
    first_name: String,
    #[schema(example = "Waymon", min_length = 1, max_length = 100)]
    last_name: String,
    /// The name that listeners see.
    #[schema(example = "Nina and the Tides", min_length = 1, max_length = 100)]
    artist_name: String,
    session: Option<SessionKind>,
}

/// Sign up as an artist
///
/// A welcome mail follows, and one with a link that proves the mailbox. The new artist can upload at once.
#[utoipa::path(
    post,
    path = "/v1/auth/artists/signup",
    operation_id = "sign_up_artist",
    tag = "auth",
    request_body = SignUpArtistBody,
    responses(
        (status = 201, description = "Signed up and signed in.", body = SessionBody),
        EmailTaken, CrossSiteRequest, OfEmail, OfNewPassword, OfPersonName, OfTexts,
    ),
)]
pub(crate) async fn sign_up_artist(
    State(app): State<App>,
    Client(from): Client,
    Program(user_agent): Program,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SignUpArtistBody>,
) -> Result<Response, Problem> {
    let accounts = app.moodify.accounts();
    let kind = SessionKind::asked(&app, body.session, &headers)?;
    let own = [&*body.email, &body.first_name, &body.last_name, &body.artist_name];
    let (email, password, first_name, last_name, artist_name) = check((
        field("/email", Email::parse(&body.email)),
        field("/password", accounts.new_password(&body.password, &own)),
        field("/first_name", PersonName::parse(&body.first_name)),
        field("/last_name", PersonName::parse(&body.last_name)),
        field("/artist_name", ArtistName::parse(&body.artist_name)),
    ))?;
    app.moodify.limits().sign_up(from)?;
    let request =
        SignUp { email, password, first_name, last_name, artist_name: Some(artist_name), user_agent };
    SessionBody::answer(&app, StatusCode::CREATED, accounts.sign_up(request).await?, kind)
}
