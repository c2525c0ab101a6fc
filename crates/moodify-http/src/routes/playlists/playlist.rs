//! What the routes of this folder answer with.

use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use moodify_core::model::{AccountId, EntryId, Playlist, PlaylistId, Visibility};
use moodify_core::service::catalog::{EntryView, PlaylistView};
use serde::Serialize;
use utoipa::ToSchema;

use crate::etag;
use crate::problem::Problem;
use crate::routes::int32;
use crate::routes::tracks::track::{TrackBody, VisibilityName};

/// A playlist without its tracks.
#[derive(Serialize, ToSchema)]
#[schema(as = Playlist)]
pub(crate) struct PlaylistBody {
    #[schema(value_type = uuid::Uuid)]
    id: PlaylistId,
    #[schema(value_type = uuid::Uuid)]
    owner_id: AccountId,
    #[schema(example = "Sunday morning")]
    title: String,
    /// May be empty.
    description: String,
    #[schema(value_type = VisibilityName)]
    visibility: Visibility,
    /// How many entries it has.
    entry_count: i32,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it or its entries last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Goes into `If-Match`.
    version: i32,
}

/// A playlist with its first 100 entries.
#[derive(Serialize, ToSchema)]
#[schema(as = PlaylistWithEntries)]
pub(crate) struct PlaylistWithEntries {
    #[serde(flatten)]
    playlist: PlaylistBody,
    /// The first ones, in order.
    entries: Vec<EntryBody>,
    /// Goes into `cursor` of `/v1/playlists/{playlist_id}/tracks` for the entries after these; null
    /// when these are all.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// One place in a playlist; a track may stand in several.
#[derive(Serialize, ToSchema)]
#[schema(as = PlaylistEntry)]
pub(crate) struct EntryBody {
    #[schema(value_type = uuid::Uuid)]
    id: EntryId,
    #[schema(value_type = String, format = DateTime)]
    added_at: Timestamp,
    /// Null when you may not know of it, or not any more; the place stays.
    #[schema(required)]
    track: Option<TrackBody>,
}

impl From<Playlist> for PlaylistBody {
    fn from(playlist: Playlist) -> Self {
        Self {
            id: playlist.id,
            owner_id: playlist.owner_id,
            title: playlist.title.into(),
            description: playlist.description.into(),
            visibility: playlist.visibility,
            entry_count: int32(playlist.entry_count.into()),
            created_at: playlist.created_at,
            updated_at: playlist.updated_at,
            version: int32(playlist.version),
        }
    }
}

impl From<PlaylistView> for PlaylistWithEntries {
    fn from(view: PlaylistView) -> Self {
        let entries = view.entries.items.into_iter().map(Into::into).collect();
        Self { playlist: view.playlist.into(), entries, next_cursor: view.entries.next_cursor }
    }
}

impl From<EntryView> for EntryBody {
    fn from(view: EntryView) -> Self {
        Self { id: view.id, added_at: view.added_at, track: view.track.map(TrackBody::from) }
    }
}

impl PlaylistWithEntries {
    /// The answer to a write.
    pub(super) fn answer(status: StatusCode, view: PlaylistView) -> Result<Response, Problem> {
        etag::json(status, Some(view.playlist.version), &Self::from(view))
    }
}
