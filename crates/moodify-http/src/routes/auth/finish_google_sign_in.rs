use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::HeaderMap;
use moodify_core::model::{ClientNetwork, UserAgent};
use moodify_core::service::accounts::{Callback, FederatedSignIn, SignedIn};
use url::form_urlencoded;

use super::google::{Begun, redirect_uri, see_other};
use super::return_to::ReturnTo;
use super::session::cookies;
use crate::app::App;
use crate::cookies::SessionCookie;
use crate::extract::{Client, Program};
use crate::problem::Problem;

/// Finish a sign-in through Google
///
/// The provider sends browsers here, with `code` and `state`, or with `error`; no page does. Every answer
/// leads to `return_to` of the sign-in that this browser has begun, or to `/`. With a session in a
/// cookie: the page gets its first access token at `/v1/auth/refresh`. Without one the page gets `?error=`:
/// `access_denied` (its user said no), `sign_in_expired` (begun more than ten minutes ago, or elsewhere),
/// `state_mismatch` (another sign-in was begun since), `identity_refused` (the provider's answer does not
/// verify), `email_not_verified` (the provider vouches for no e-mail address), `wrong_role` (the account is of the
/// other kind), `other_identity_linked` (somebody else from there signs in to the account with that address),
/// `identity_provider_unavailable`, `rate_limited`, or another code of this document.
#[utoipa::path(
    get,
    path = "/v1/auth/google/callback",
    operation_id = "finish_google_sign_in",
    tag = "auth",
    responses((status = 303, description = "Back to the page, signed in or with `?error=`.", headers(
        ("Location" = String, description = "The page, with `?error=` if nobody is signed in."),
        ("Set-Cookie" = String, description = "The session; the sign-in's own cookie is taken away."),
    ))),
)]
pub(crate) async fn finish_google_sign_in(
    State(app): State<App>,
    Client(from): Client,
    Program(user_agent): Program,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let cookie = app.cookies.find(&headers, SessionCookie::SignIn).ok().flatten();
    let pages = app.config.pages.as_ref();
    let Some(begun) = cookie.as_deref().and_then(Begun::read) else {
        return Ok(see_other(ReturnTo::start().with_error("sign_in_expired").location(pages)?, []));
    };
    let Begun { return_to, .. } = &begun;
    let callback = callback(query.as_deref().unwrap_or_default());
    let gone = app.cookies.set(SessionCookie::SignIn, "", 0)?;
    match finish(&app, &begun, callback, (user_agent, from)).await {
        Ok(signed_in) => {
            let [refresh, access] = cookies(&app, &signed_in)?;
            Ok(see_other(return_to.location(pages)?, [gone, refresh, access]))
        }
        Err(problem) => {
            problem.log();
            let location = return_to.with_error(&problem.code).location(pages)?;
            // Of another sign-in nothing is lost.
            if problem.code == "state_mismatch" {
                return Ok(see_other(location, []));
            }
            Ok(see_other(location, [gone]))
        }
    }
}

async fn finish(
    app: &App,
    begun: &Begun,
    callback: Callback,
    (user_agent, from): (Option<UserAgent>, Option<ClientNetwork>),
) -> Result<SignedIn, Problem> {
    let redirect_uri = redirect_uri(app)?;
    let pending = begun.pending.clone();
    let sign_in = FederatedSignIn { pending, redirect_uri, callback, role: begun.role, user_agent, from };
    Ok(app.moodify.accounts().finish_federated(&sign_in).await?)
}

/// What the provider gave the browser along. Providers add fields of their own, which say nothing here;
/// a field that is there twice says nothing either.
fn callback(query: &str) -> Callback {
    let once = |name: &str| {
        let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(found, _)| found == name);
        values.next().filter(|_| values.next().is_none()).map(|(_, value)| value.into_owned())
    };
    Callback {
        state: once("state").map(Into::into),
        code: once("code").map(Into::into),
        error: once("error"),
        issuer: once("iss"),
    }
}
