use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use jiff::Timestamp;
use moodify_core::model::{DeviceId, PlayId};
use moodify_core::service::catalog::PlayedTrack;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, PageParams, Params};
use crate::problem::Problem;
use crate::routes::int32;
use crate::routes::tracks::track::TrackBody;

/// A page of plays.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryPage {
    items: Vec<HistoryEntryBody>,
    /// Goes into `cursor` for the next page; null at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A play.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryEntry)]
pub(crate) struct HistoryEntryBody {
    #[schema(value_type = String)]
    play_id: PlayId,
    track: TrackBody,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// How long it was heard.
    played_ms: i32,
    /// Whether it counts.
    counted: bool,
    /// Which device played it, if it said so.
    #[schema(value_type = Option<String>, required)]
    device_id: Option<DeviceId>,
}

/// What you have heard, the latest first
///
/// Without tracks that are gone, or that you may not know of any more.
#[utoipa::path(
    get,
    path = "/v1/me/history",
    operation_id = "list_history",
    tag = "library",
    security(("access_token" = [])),
    params(PageParams),
    responses((status = 200, description = "A page of plays.", body = HistoryPage)),
)]
pub(crate) async fn list_history(
    State(app): State<App>,
    Bearer(caller): Bearer,
    Params(params): Params<PageParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (limit, cursor) = params.check()?;
    let listing = app.moodify.catalog().history(&caller, limit, cursor.as_deref()).await?;
    let items = listing.items.into_iter().map(Into::into).collect();
    etag::read(&headers, None, &HistoryPage { items, next_cursor: listing.next_cursor })
}

impl From<PlayedTrack> for HistoryEntryBody {
    fn from(PlayedTrack { play, track }: PlayedTrack) -> Self {
        Self {
            play_id: play.play_id,
            track: track.into(),
            started_at: play.started_at,
            played_ms: int32(play.played_ms.into()),
            counted: play.counted,
            device_id: play.device_id,
        }
    }
}
