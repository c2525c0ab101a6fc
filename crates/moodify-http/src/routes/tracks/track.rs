//! What the routes of this folder answer with.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use moodify_core::model::{ArtistId, TrackId, TrackStatus, Visibility};
use moodify_core::port::SignedUrl;
use moodify_core::service::catalog::TrackView;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::routes::int32;

/// A track.
#[derive(Serialize, ToSchema)]
#[schema(as = Track)]
pub(crate) struct TrackBody {
    #[schema(value_type = uuid::Uuid)]
    id: TrackId,
    #[schema(example = "Low Tide")]
    title: String,
    artist: TrackArtist,
    /// Length in milliseconds.
    #[schema(example = 187_000)]
    duration_ms: i32,
    #[schema(required)]
    genre: Option<String>,
    #[schema(value_type = VisibilityName)]
    visibility: Visibility,
    #[schema(value_type = TrackStatusName)]
    status: TrackStatus,
    /// Why it was rejected.
    #[schema(required)]
    rejected_reason: Option<String>,
    /// Plays, with Range; stops working at `urls_expire_at`.
    #[schema(required, format = "uri")]
    audio_url: Option<String>,
    /// A square JPEG; stops working at `urls_expire_at`.
    #[schema(required, format = "uri")]
    cover_url: Option<String>,
    /// When to ask for the track again.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    urls_expire_at: Option<Timestamp>,
    /// How often it was played.
    play_count: i32,
    /// Whether you like it.
    liked: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Goes into `If-Match`.
    version: i32,
}

/// Whose a track is.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrackArtist {
    #[schema(value_type = uuid::Uuid)]
    id: ArtistId,
    #[schema(example = "Nina and the Tides")]
    name: String,
}

/// Who may find and play it.
#[derive(ToSchema)]
#[schema(as = Visibility, rename_all = "snake_case")]
#[expect(dead_code, reason = "documents moodify_core::model::Visibility, which is what is sent")]
pub(crate) enum VisibilityName {
    /// Everybody finds it.
    Public,
    /// Everybody who has the address.
    Unlisted,
    /// Its owner alone.
    Private,
}

/// How far an upload has come.
#[derive(ToSchema)]
#[schema(as = TrackStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "documents moodify_core::model::TrackStatus, which is what is sent")]
pub(crate) enum TrackStatusName {
    /// Not playable yet.
    Processing,
    /// It plays.
    Ready,
    /// It was refused.
    Rejected,
}

impl From<TrackView> for TrackBody {
    fn from(view: TrackView) -> Self {
        let TrackView { track, audio_url, cover_url, liked } = view;
        let urls_expire_at = [&audio_url, &cover_url].into_iter().flatten().map(|url| url.expires_at).min();
        Self {
            id: track.id,
            title: track.title.into(),
            artist: TrackArtist { id: track.artist_id, name: track.artist_name.into() },
            duration_ms: int32(track.duration_ms.into()),
            genre: track.genre.map(Into::into),
            visibility: track.visibility,
            status: track.status,
            rejected_reason: None,
            audio_url: audio_url.map(|signed| signed.url.into()),
            cover_url: cover_url.map(|signed| signed.url.into()),
            urls_expire_at,
            play_count: int32(track.play_count),
            liked,
            created_at: track.created_at,
            version: int32(track.version),
        }
    }
}

/// The way to a signed address. Nobody keeps it: the next one may be another.
pub(super) fn redirect(signed: &SignedUrl) -> Result<Response, Problem> {
    let location = HeaderValue::from_str(signed.url.as_str()).map_err(Problem::internal)?;
    let headers =
        [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
}
