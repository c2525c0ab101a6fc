//! The refresh token of a request, wherever it stands, and the end of one that stood in a cookie.

use axum::extract::{FromRequest, Request};
use axum::response::{AppendHeaders, IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use super::refresh_session::RefreshBody;
use crate::app::App;
use crate::cookies::{Sender, SessionCookie, cross_site};
use crate::extract::{JsonBody, is_json};
use crate::problem::Problem;

/// A refresh token, and how its session travels.
pub(crate) struct RefreshToken {
    pub(super) token: String,
    pub(super) in_cookie: bool,
}

impl FromRequest<App> for RefreshToken {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        let has_cookie = app.cookies.find(&headers, SessionCookie::Refresh);
        let bare =
            matches!(has_cookie, Ok(Some(_)) | Err(_)) && !headers.contains_key(http::header::CONTENT_TYPE);
        let RefreshBody { refresh_token } =
            if bare { RefreshBody::default() } else { JsonBody::from_request(request, app).await?.0 };
        match refresh_token {
            Some(token) => Ok(Self { token, in_cookie: false }),
            None => match from_cookie(app, &headers)? {
                Some(token) => Ok(Self { token, in_cookie: true }),
                None => Err(Problem::invalid_field("/refresh_token", "required", "This field is missing.")),
            },
        }
    }
}

/// The refresh token in the cookie of a request that may change something by it.
///
/// # Errors
/// `ambiguous_cookie`, or `cross_site_request` when it came from somebody else's page.
pub(super) fn from_cookie(app: &App, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(token) = app.cookies.find(headers, SessionCookie::Refresh)? else { return Ok(None) };
    match app.cookies.sender(headers) {
        Sender::Page => Ok(Some(token)),
        // A browser so old that it says nothing still asks before it sends JSON for another site.
        Sender::Program if is_json(headers) => Ok(Some(token)),
        Sender::Program | Sender::Stranger => Err(cross_site()),
    }
}

/// The answer to whoever has no session any more: the cookies are taken away, also where none came
/// along. Browsers send that of the session to `/v1/auth` alone, and accounts end elsewhere.
pub(super) fn gone(app: &App) -> Result<Response, Problem> {
    Ok((StatusCode::NO_CONTENT, AppendHeaders(app.cookies.clear()?)).into_response())
}
