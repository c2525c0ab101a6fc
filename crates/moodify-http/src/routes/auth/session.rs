//! What the routes of this folder answer with and have in common.

use axum::Json;
use axum::response::{AppendHeaders, IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use moodify_core::model::{Account, AccountId, ArtistId, ClientNetwork, Role, UserAgent};
use moodify_core::service::accounts::{LogIn, SignedIn};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::cookies::{Sender, SessionCookie, cross_site};
use crate::problem::Problem;

/// Somebody who is signed in.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    /// Goes into `Authorization: Bearer …`.
    pub(super) access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub(super) token_type: &'static str,
    /// How long the access token works, in seconds.
    #[schema(value_type = i32, example = 600)]
    pub(super) expires_in: u64,
    /// Gets the next access token at `/v1/auth/refresh`, once. Absent when the session is in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<String>,
    pub(super) account: AccountBody,
}

impl SessionBody {
    /// The answer to a sign-up, log-in or refresh.
    pub(super) fn answer(
        app: &App,
        status: StatusCode,
        signed_in: SignedIn,
        kind: SessionKind,
    ) -> Result<Response, Problem> {
        let refresh_token = signed_in.refresh_token.expose_secret();
        let expires_in = signed_in.expires_in.as_secs();
        let in_cookies = match kind {
            SessionKind::Token => None,
            SessionKind::Cookie => Some(AppendHeaders(cookies(app, &signed_in)?)),
        };
        let body = Self {
            refresh_token: (kind == SessionKind::Token).then(|| refresh_token.to_owned()),
            access_token: signed_in.access_token,
            token_type: "Bearer",
            expires_in,
            account: signed_in.account.into(),
        };
        Ok((status, in_cookies, Json(body)).into_response())
    }
}

/// The cookies that a session is in.
pub(super) fn cookies(app: &App, signed_in: &SignedIn) -> Result<[(HeaderName, HeaderValue); 2], Problem> {
    let idle = app.moodify.accounts().refresh_idle_ttl().as_secs();
    let refresh = app.cookies.set(SessionCookie::Refresh, signed_in.refresh_token.expose_secret(), idle)?;
    let life = signed_in.expires_in.as_secs();
    Ok([refresh, app.cookies.set(SessionCookie::Access, &signed_in.access_token, life)?])
}

/// A person's account, as its owner sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountBody {
    #[schema(value_type = uuid::Uuid)]
    id: AccountId,
    #[schema(example = "ada@example.com", format = Email)]
    email: String,
    /// Whether the owner has proved to read this mailbox.
    email_verified: bool,
    #[schema(example = "Ada")]
    first_name: String,
    #[schema(example = "Lovelace")]
    last_name: String,
    #[schema(value_type = AccountRole)]
    role: Role,
    /// The public profile, when the role is artist.
    #[schema(value_type = Option<uuid::Uuid>, required)]
    artist_id: Option<ArtistId>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// What an account may do.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents moodify_core::model::Role, which is what is sent")]
pub(crate) enum AccountRole {
    /// Listens, likes, makes playlists.
    User,
    /// All that, and uploads tracks.
    Artist,
}

impl From<Account> for AccountBody {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            role: account.role(),
            artist_id: account.artist.as_ref().map(|artist| artist.id),
            email: account.email.into(),
            email_verified: account.email_verified,
            first_name: account.first_name.into(),
            last_name: account.last_name.into(),
            created_at: account.created_at,
        }
    }
}

/// How the refresh token travels.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionKind {
    /// In the body of the answer.
    #[default]
    Token,
    /// In a cookie that no script can read, for web pages of this site; the access token is in the
    /// body all the same. A second cookie opens sockets.
    Cookie,
}

impl SessionKind {
    /// What was asked for. A page of somebody else gets no cookie: it would sign its visitors in to
    /// an account that they do not expect.
    ///
    /// # Errors
    /// `cross_site_request`.
    pub(super) fn asked(app: &App, kind: Option<Self>, headers: &HeaderMap) -> Result<Self, Problem> {
        let kind = kind.unwrap_or_default();
        if kind == Self::Cookie && app.cookies.sender(headers) == Sender::Stranger {
            return Err(cross_site());
        }
        Ok(kind)
    }
}

/// What a log-in needs.
#[derive(Deserialize, ToSchema)]
#[schema(as = LogInRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogInBody {
    #[schema(example = "ada@example.com")]
    email: String,
    #[schema(example = "correct horse battery staple", format = Password)]
    password: String,
    session: Option<SessionKind>,
}

/// A log-in through the door of one role.
pub(super) async fn log_in(
    app: &App,
    body: LogInBody,
    role: Role,
    user_agent: Option<UserAgent>,
    (from, headers): (Option<ClientNetwork>, &HeaderMap),
) -> Result<Response, Problem> {
    let kind = SessionKind::asked(app, body.session, headers)?;
    let request = LogIn { email: body.email, password: body.password, role, user_agent, from };
    SessionBody::answer(app, StatusCode::OK, app.moodify.accounts().log_in(request).await?, kind)
}
