use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use jiff::Timestamp;
use moodify_core::model::{Caller, PageSize, Session, SessionId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, Params, check, field, page_size};
use crate::problem::Problem;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListSessionsParams {
    /// How many items at most. Default 20.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One place where you are signed in.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedInSession)]
pub(crate) struct SessionItem {
    #[schema(value_type = uuid::Uuid)]
    id: SessionId,
    /// Whether it is the one that asks.
    current: bool,
    /// The program that signed in, as it called itself: anybody can call themselves anything.
    #[schema(required, example = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0")]
    user_agent: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it last got an access token.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    /// When it ends if it is not used until then; it never goes on past 90 days.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl SessionItem {
    fn of(session: Session, caller: &Caller) -> Self {
        Self {
            id: session.id,
            current: session.id == caller.session_id,
            user_agent: session.user_agent.map(|program| program.as_str().to_owned()),
            created_at: session.created_at,
            last_used_at: session.rotated_at,
            expires_at: session.expires_at.min(session.idle_expires_at),
        }
    }
}

/// A page of sessions.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionPage {
    items: Vec<SessionItem>,
    /// Goes into `cursor` for the next page; null at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Where you are signed in, newest first
#[utoipa::path(
    get,
    path = "/v1/me/sessions",
    operation_id = "list_sessions",
    tag = "auth",
    security(("access_token" = [])),
    params(ListSessionsParams),
    responses((status = 200, description = "A page of sessions.", body = SessionPage)),
)]
pub(crate) async fn list_sessions(
    State(app): State<App>,
    Bearer(caller): Bearer,
    Params(params): Params<ListSessionsParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let limit = params.limit.as_deref().map_or(Ok(PageSize::default()), page_size);
    let (limit,) = check((field("/limit", limit),))?;
    let list = app.moodify.accounts().sessions(&caller, limit, params.cursor.as_deref()).await?;
    let items = list.items.into_iter().map(|session| SessionItem::of(session, &caller)).collect();
    etag::read(&headers, None, &SessionPage { items, next_cursor: list.next_cursor })
}
