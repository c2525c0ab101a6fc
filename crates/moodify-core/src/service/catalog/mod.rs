//! Uploads, tracks and playlists, and what listeners do with them.

mod account_deleted;
mod delete_track;
mod direct;
mod ended;
mod events;
mod import;
mod library;
mod link_cache;
mod links;
mod list_tracks;
mod playlist_entries;
mod playlists;
mod stale_uploads;
mod track;
mod update_track;
mod upload;
mod upload_places;

use std::sync::Arc;
use std::time::Duration;

pub use direct::{DirectUploadView, NewDirectUpload, UploadPartView};
pub use import::ImportedPlaylist;
pub use library::artists::ArtistView;
pub use library::changes::Changes;
pub use library::plays::{NewReport, PlayedTrack};
pub use library::stats::{ArtistDay, ArtistStats, StatsQuery};
pub use links::{Listing, TrackView};
pub use list_tracks::TrackQuery;
pub use playlist_entries::EntryView;
pub use playlists::{NewPlaylist, PlaylistView};
pub use upload::{ImportedTrack, Upload, UploadFields};

use tokio::sync::Notify;

use self::link_cache::LinkCache;
use self::upload_places::UploadPlaces;
use super::Context;
use crate::config::CatalogConfig;
use crate::port::{CatalogStore, LibraryStore, MediaProbe, MediaSigner, MediaStore, UploadStore};

/// The music service: what can be heard.
#[derive(Clone)]
pub struct Catalog {
    inner: Arc<Inner>,
}

struct Inner {
    parts: CatalogParts,
    context: Context,
    config: CatalogConfig,
    token_life: Duration,
    links: LinkCache,
    places: Arc<UploadPlaces>,
    /// Wakes who looks after direct uploads.
    uploads_due: Notify,
}

/// What the catalogue is made of.
#[derive(Clone)]
pub struct CatalogParts {
    /// Artists, tracks, playlists.
    pub store: Arc<dyn CatalogStore>,
    /// Likes, follows, plays; in the same database.
    pub library: Arc<dyn LibraryStore>,
    /// Direct uploads; in the same database.
    pub uploads: Arc<dyn UploadStore>,
    /// Audio and covers.
    pub media: Arc<dyn MediaStore>,
    /// URLs for them.
    pub signer: Arc<dyn MediaSigner>,
    /// Looks at uploads.
    pub probe: Arc<dyn MediaProbe>,
}

impl Catalog {
    /// The service over these parts. `token_life` is how long the access token of a deleted account may
    /// still be used.
    pub fn new(parts: CatalogParts, context: Context, config: CatalogConfig, token_life: Duration) -> Self {
        let links = LinkCache::new(parts.signer.clone(), config.media_url_ttl, LinkCache::MAX_LINKS);
        // Less room than for one would be none.
        let room = config.max_staged_bytes.max(max_upload_bytes(&config));
        let places = Arc::new(UploadPlaces::new(config.uploads_at_once, room));
        let uploads_due = Notify::new();
        Self { inner: Arc::new(Inner { parts, context, config, token_life, links, places, uploads_due }) }
    }

    /// The most bytes that the files of one upload may have together: nothing longer is worth
    /// receiving.
    pub fn max_upload_bytes(&self) -> u64 {
        max_upload_bytes(&self.inner.config)
    }
}

fn max_upload_bytes(config: &CatalogConfig) -> u64 {
    config.max_audio_bytes.saturating_add(config.max_cover_bytes)
}
