use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use jiff::Timestamp;
use moodify_core::model::{LibraryChange, LibraryItem, PageSize};
use moodify_core::service::catalog::Changes;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, Params, check, field, page_size};
use crate::problem::Problem;
use crate::routes::int32;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListChangesParams {
    /// `next_cursor` of the answer before. Without it everything comes.
    since: Option<String>,
    /// How many items at most. Default 20.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// Part of what changed in your library.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangePage {
    /// In the order in which they became true.
    items: Vec<ChangeBody>,
    /// Goes into `since` for the next answer: at once if `has_more`, else whenever you like. Keep it.
    next_cursor: String,
    /// Whether there are more changes already.
    has_more: bool,
}

/// How something in your library is now.
#[derive(Serialize, ToSchema)]
#[schema(as = LibraryChange)]
pub(crate) struct ChangeBody {
    kind: ChangeKind,
    /// The liked track, the followed artist or the playlist.
    id: Uuid,
    /// It is gone: not liked, not followed, deleted.
    deleted: bool,
    /// The playlist's version: read it again if yours is another. Null for likes and follows.
    #[schema(required)]
    version: Option<i32>,
    /// Since when it is liked or followed; when the playlist was last edited. Null when it is gone.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    at: Option<Timestamp>,
}

/// What stands in a library.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LibraryKind)]
pub(crate) enum ChangeKind {
    /// The like of a track.
    Like,
    /// The follow of an artist.
    Follow,
    /// A playlist of your own.
    Playlist,
}

/// What changed in your library
///
/// For clients that keep a copy. Everything that is or was in the library comes once, as it is now, and
/// again whenever it has changed. A client that takes each item in, and asks again with `next_cursor`
/// until `has_more` is false, has the library as it is. Cursors do not grow old. On `invalid_cursor`
/// begin anew, without `since`.
///
/// A liked track may be one that you may not know of any more: reading it then gives 404.
#[utoipa::path(
    get,
    path = "/v1/changes",
    operation_id = "list_changes",
    tag = "library",
    security(("access_token" = [])),
    params(ListChangesParams),
    responses((status = 200, description = "The next changes.", body = ChangePage)),
)]
pub(crate) async fn list_changes(
    State(app): State<App>,
    Bearer(caller): Bearer,
    Params(params): Params<ListChangesParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (limit,) =
        check((field("/limit", params.limit.as_deref().map_or(Ok(PageSize::default()), page_size)),))?;
    let changes = app.moodify.catalog().changes(&caller, limit, params.since.as_deref()).await?;
    etag::read(&headers, None, &ChangePage::from(changes))
}

impl From<Changes> for ChangePage {
    fn from(changes: Changes) -> Self {
        let items = changes.items.into_iter().map(Into::into).collect();
        Self { items, next_cursor: changes.next_cursor, has_more: changes.has_more }
    }
}

impl From<LibraryChange> for ChangeBody {
    fn from(LibraryChange { item, kept }: LibraryChange) -> Self {
        let (kind, id) = match item {
            LibraryItem::Like(id) => (ChangeKind::Like, id.as_uuid()),
            LibraryItem::Follow(id) => (ChangeKind::Follow, id.as_uuid()),
            LibraryItem::Playlist(id) => (ChangeKind::Playlist, id.as_uuid()),
        };
        let version = kept.and_then(|kept| kept.version).map(int32);
        Self { kind, id, deleted: kept.is_none(), version, at: kept.map(|kept| kept.at) }
    }
}
