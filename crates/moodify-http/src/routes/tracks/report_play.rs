use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use moodify_core::model::{DeviceId, Invalid, PlayId, TrackId};
use moodify_core::service::catalog::NewReport;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::extract::{Bearer, JsonBody, Natural, PathId, check, field};
use crate::openapi::fields::OfPlay;
use crate::openapi::problems::{PlayIdTaken, TrackNotFound};
use crate::problem::Problem;

/// What a device says of a play.
#[derive(Deserialize, ToSchema)]
#[schema(as = ReportPlayRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportPlayBody {
    /// A name of your own for this play, the same in every report of it.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_.:-]+$", example = "kitchen-0042")]
    play_id: String,
    /// When it began: within the last 24 hours.
    #[schema(format = DateTime, example = "2026-11-22T11:55:00Z")]
    started_at: String,
    /// How long it has been heard so far.
    #[schema(value_type = i32, minimum = 0, example = 187_000)]
    played_ms: Natural,
    /// Which device this is.
    #[schema(min_length = 1, max_length = 64, example = "kitchen")]
    device_id: Option<String>,
}

/// Whether a play counts.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlayReported {
    /// It does, from half the track or four minutes on.
    counted: bool,
}

/// Report a play
///
/// A play counts once, as soon as half of the track or four minutes of it have been heard; report it
/// again, under the same `play_id`, when it has gone on. No more is believed than the time that has
/// passed since the beginning that was reported first, give or take a minute, and of plays at the same
/// time only one counts.
#[utoipa::path(
    post,
    path = "/v1/tracks/{track_id}/plays",
    operation_id = "report_play",
    tag = "tracks",
    security(("access_token" = [])),
    params(("track_id" = uuid::Uuid, Path)),
    request_body = ReportPlayBody,
    responses(
        (status = 200, description = "The report was taken in.", body = PlayReported),
        TrackNotFound, PlayIdTaken, OfPlay,
    ),
)]
pub(crate) async fn report_play(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(track_id): PathId<TrackId>,
    JsonBody(body): JsonBody<ReportPlayBody>,
) -> Result<Json<PlayReported>, Problem> {
    let (play_id, started_at, device_id) = check((
        field("/play_id", PlayId::parse(&body.play_id)),
        field("/started_at", moment(&body.started_at)),
        field("/device_id", body.device_id.as_deref().map(DeviceId::parse).transpose()),
    ))?;
    let report = NewReport { play_id, track_id, started_at, played_ms: body.played_ms.get(), device_id };
    let counted = app.moodify.catalog().report_play(&caller, report).await?;
    Ok(Json(PlayReported { counted }))
}

/// A moment, to the microsecond: nothing finer is kept.
fn moment(text: &str) -> Result<Timestamp, Invalid> {
    let moment: Option<Timestamp> = text.parse().ok();
    let whole = moment.and_then(|moment| Timestamp::from_microsecond(moment.as_microsecond()).ok());
    whole.ok_or_else(|| Invalid::new("invalid_time", "Write a time like 2026-11-22T11:55:00Z."))
}
