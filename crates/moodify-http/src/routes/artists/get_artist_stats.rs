use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use moodify_core::model::{Day, TrackId, TrackRecord};
use moodify_core::service::catalog::{ArtistDay, ArtistStats, StatsQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, Params, check, field};
use crate::openapi::fields::OfDays;
use crate::openapi::problems::ArtistOnly;
use crate::problem::Problem;
use crate::routes::int32;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ArtistStatsParams {
    /// The first day, in UTC. Default: 29 days before `to`.
    #[param(format = Date, example = "2026-11-01")]
    from: Option<String>,
    /// The last day, in UTC; at most 366 days in all. Default: today.
    #[param(format = Date, example = "2026-11-22")]
    to: Option<String>,
}

/// What happened to an artist in some days.
#[derive(Serialize, ToSchema)]
#[schema(as = ArtistStats)]
pub(crate) struct ArtistStatsBody {
    #[schema(value_type = String, format = Date)]
    from: Day,
    #[schema(value_type = String, format = Date)]
    to: Day,
    totals: StatsTotals,
    /// Every day from the first to the last.
    days: Vec<StatsDay>,
    /// The most played tracks that still exist, at most 100.
    tracks: Vec<StatsTrack>,
}

/// All of these days together.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatsTotals {
    /// How many plays count.
    plays: i32,
    /// How many different listeners they had.
    listeners: i32,
    /// How many followers there were at the end.
    followers: i32,
    /// How many came.
    followers_gained: i32,
    /// How many went.
    followers_lost: i32,
}

/// One day.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatsDay {
    /// In UTC.
    #[schema(value_type = String, format = Date)]
    date: Day,
    /// How many plays that began on this day count.
    plays: i32,
    /// How many different listeners they had.
    listeners: i32,
    /// How many followers there were at the end of the day.
    followers: i32,
    /// How many came.
    followers_gained: i32,
    /// How many went.
    followers_lost: i32,
}

/// One track in these days.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatsTrack {
    #[schema(value_type = uuid::Uuid)]
    id: TrackId,
    title: String,
    /// How many plays count.
    plays: i32,
    /// How many different listeners they had.
    listeners: i32,
}

/// Your listeners, day by day
///
/// A play counts on the day on which it began, in UTC. What listeners and tracks that are gone by now
/// have added stays in the totals.
#[utoipa::path(
    get,
    path = "/v1/me/artist/stats",
    operation_id = "get_artist_stats",
    tag = "artists",
    security(("access_token" = [])),
    params(ArtistStatsParams),
    responses(
        (status = 200, description = "The statistics.", body = ArtistStatsBody),
        ArtistOnly, OfDays,
    ),
)]
pub(crate) async fn get_artist_stats(
    State(app): State<App>,
    Bearer(caller): Bearer,
    Params(params): Params<ArtistStatsParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (from, to) = check((
        field("/from", params.from.as_deref().map(Day::parse).transpose()),
        field("/to", params.to.as_deref().map(Day::parse).transpose()),
    ))?;
    let stats = app.moodify.catalog().artist_stats(&caller, StatsQuery { from, to }).await?;
    etag::read(&headers, None, &ArtistStatsBody::from(stats))
}

impl From<ArtistStats> for ArtistStatsBody {
    fn from(stats: ArtistStats) -> Self {
        let sum = |count: fn(&ArtistDay) -> u64| int32(stats.days.iter().map(count).sum());
        let totals = StatsTotals {
            plays: int32(stats.plays),
            listeners: int32(stats.listeners),
            followers: int32(stats.followers),
            followers_gained: sum(|day| day.record.gained),
            followers_lost: sum(|day| day.record.lost),
        };
        let days = stats.days.iter().map(StatsDay::from).collect();
        let tracks = stats.tracks.into_iter().map(StatsTrack::from).collect();
        Self { from: stats.from, to: stats.to, totals, days, tracks }
    }
}

impl From<&ArtistDay> for StatsDay {
    fn from(day: &ArtistDay) -> Self {
        Self {
            date: day.record.day,
            plays: int32(day.record.plays),
            listeners: int32(day.record.listeners),
            followers: int32(day.followers),
            followers_gained: int32(day.record.gained),
            followers_lost: int32(day.record.lost),
        }
    }
}

impl From<TrackRecord> for StatsTrack {
    fn from(track: TrackRecord) -> Self {
        let TrackRecord { id, title, plays, listeners } = track;
        Self { id, title: title.into(), plays: int32(plays), listeners: int32(listeners) }
    }
}
