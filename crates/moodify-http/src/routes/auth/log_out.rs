use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use http::header;
use http::request::Parts;
use moodify_core::model::Caller;

use super::cookie::{from_cookie, gone};
use crate::app::App;
use crate::extract::Bearer;
use crate::openapi::problems::CrossSiteRequest;
use crate::problem::Problem;

/// Who leaves: by access token, or without one by the cookie of the session.
pub(crate) enum Leaver {
    Caller(Caller),
    Session(String),
}

impl FromRequestParts<App> for Leaver {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if !parts.headers.contains_key(header::AUTHORIZATION)
            && let Some(token) = from_cookie(app, &parts.headers)?
        {
            return Ok(Self::Session(token));
        }
        let Bearer(caller) = Bearer::from_request_parts(parts, app).await?;
        Ok(Self::Caller(caller))
    }
}

/// End this session
///
/// Its refresh token is dead at once and its sockets close; the access token runs out by itself. A
/// session in a cookie can also be ended by that, from pages of this site; its cookies are taken away.
#[utoipa::path(
    post,
    path = "/v1/auth/logout",
    operation_id = "log_out",
    tag = "auth",
    security(("access_token" = []), ("session_cookie" = [])),
    responses((status = 204, description = "Signed out."), CrossSiteRequest),
)]
pub(crate) async fn log_out(State(app): State<App>, leaver: Leaver) -> Result<Response, Problem> {
    let accounts = app.moodify.accounts();
    match leaver {
        Leaver::Caller(caller) => accounts.log_out(&caller).await?,
        Leaver::Session(token) => accounts.log_out_with(&token).await?,
    }
    gone(&app)
}
