use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use moodify_core::model::{ArtistId, EntryId, PlaylistId, SessionId, TrackId, UploadId};

use crate::app::App;
use crate::problem::Problem;

/// An identifier from the path. What is no identifier names nothing: 404.
pub(crate) struct PathId<T>(pub(crate) T);

/// An identifier that stands in paths.
pub(crate) trait InPath: FromStr {
    /// The parameter's name in the route.
    const PARAM: &'static str;
    /// What it names.
    const WHAT: &'static str;
}

impl InPath for ArtistId {
    const PARAM: &'static str = "artist_id";
    const WHAT: &'static str = "artist";
}

impl InPath for TrackId {
    const PARAM: &'static str = "track_id";
    const WHAT: &'static str = "track";
}

impl InPath for PlaylistId {
    const PARAM: &'static str = "playlist_id";
    const WHAT: &'static str = "playlist";
}

impl InPath for EntryId {
    const PARAM: &'static str = "entry_id";
    const WHAT: &'static str = "entry";
}

impl InPath for SessionId {
    const PARAM: &'static str = "session_id";
    const WHAT: &'static str = "session";
}

impl InPath for UploadId {
    const PARAM: &'static str = "upload_id";
    const WHAT: &'static str = "upload";
}

impl<T: InPath> FromRequestParts<App> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let not_found = || Problem::not_found(T::WHAT);
        let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| not_found())?;
        let (_, text) = params.iter().find(|(name, _)| *name == T::PARAM).ok_or_else(not_found)?;
        text.parse().map(Self).map_err(|_| not_found())
    }
}
