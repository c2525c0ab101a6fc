use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use moodify_core::model::{Invalid, Role};
use serde::Deserialize;
use utoipa::IntoParams;

use super::google::{Begun, redirect_uri, role_of, see_other};
use super::return_to::ReturnTo;
use crate::app::App;
use crate::extract::{Params, check, field};
use crate::openapi::fields::{OfChoice, OfReturnTo};
use crate::openapi::problems::{IdentityProviderNotFound, IdentityProviderUnavailable};
use crate::problem::Problem;

/// Whom the sign-in is for, and where it ends.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StartGoogleSignInParams {
    /// `user` or `artist`: which door, and what a new account is. Default: `user`.
    #[param(example = "user")]
    role: Option<String>,
    /// A path of the front end, with its query and fragment. Default: `/`.
    #[param(example = "/library", max_length = 1000)]
    return_to: Option<String>,
}

/// Sign in through Google
///
/// A page sends its browser here, as a link does. The browser comes back signed in, at `return_to`; it
/// has ten minutes, and one sign-in at a time. Google may be any OpenID Connect provider.
#[utoipa::path(
    get,
    path = "/v1/auth/google/start",
    operation_id = "start_google_sign_in",
    tag = "auth",
    params(StartGoogleSignInParams),
    responses(
        (status = 303, description = "On to the provider.", headers(
            ("Location" = String, description = "Where the provider asks who it is."),
            ("Set-Cookie" = String, description = "Binds the sign-in to this browser."),
        )),
        IdentityProviderNotFound, IdentityProviderUnavailable, OfChoice, OfReturnTo,
    ),
)]
pub(crate) async fn start_google_sign_in(
    State(app): State<App>,
    Params(params): Params<StartGoogleSignInParams>,
) -> Result<Response, Problem> {
    let (role, return_to) = check((
        field("/role", params.role.as_deref().map_or(Ok(Role::User), role)),
        field("/return_to", params.return_to.as_deref().map_or(Ok(ReturnTo::start()), ReturnTo::parse)),
    ))?;
    let begun = app.moodify.accounts().begin_federated(&redirect_uri(&app)?).await?;
    let location = HeaderValue::from_str(begun.url.as_str()).map_err(Problem::internal)?;
    let cookie = Begun { pending: begun.pending, role, return_to }.cookie(&app)?;
    Ok(see_other(location, [cookie]))
}

fn role(name: &str) -> Result<Role, Invalid> {
    role_of(name).ok_or_else(|| Invalid::new("invalid_value", "Use user or artist."))
}
