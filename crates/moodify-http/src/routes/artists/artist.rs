//! What the routes of this folder answer with.

use jiff::Timestamp;
use moodify_core::model::ArtistId;
use moodify_core::service::catalog::{ArtistView, Listing};
use serde::Serialize;
use utoipa::ToSchema;

use crate::routes::int32;

/// An artist.
#[derive(Serialize, ToSchema)]
#[schema(as = Artist)]
pub(crate) struct ArtistBody {
    #[schema(value_type = uuid::Uuid)]
    id: ArtistId,
    #[schema(example = "Nina and the Tides")]
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// How many listeners follow the artist.
    follower_count: i32,
    /// How many tracks everybody can find.
    track_count: i32,
    /// Whether you follow the artist.
    followed: bool,
}

/// A page of artists.
#[derive(Serialize, ToSchema)]
pub(crate) struct ArtistPage {
    items: Vec<ArtistBody>,
    /// Goes into `cursor` for the next page; null at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

impl From<ArtistView> for ArtistBody {
    fn from(ArtistView { summary, followed }: ArtistView) -> Self {
        Self {
            id: summary.artist.id,
            name: summary.artist.name.into(),
            created_at: summary.artist.created_at,
            follower_count: int32(summary.follower_count),
            track_count: int32(summary.track_count),
            followed,
        }
    }
}

impl From<Listing<ArtistView>> for ArtistPage {
    fn from(listing: Listing<ArtistView>) -> Self {
        let items = listing.items.into_iter().map(Into::into).collect();
        Self { items, next_cursor: listing.next_cursor }
    }
}
