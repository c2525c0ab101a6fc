//! Uploads, tracks and playlists.

mod delete_track;
mod events;
mod link_cache;
mod links;
mod list_tracks;
mod playlist_entries;
mod playlists;
mod stale_uploads;
mod track;
mod update_track;
mod upload;

use std::sync::Arc;

pub use links::{Listing, TrackView};
pub use list_tracks::TrackQuery;
pub use playlist_entries::EntryView;
pub use playlists::{NewPlaylist, PlaylistView};
pub use upload::{Upload, UploadFields};

use self::link_cache::LinkCache;
use super::Context;
use crate::config::CatalogConfig;
use crate::port::{CatalogStore, MediaProbe, MediaSigner, MediaStore};

/// The music service: what can be heard.
#[derive(Clone)]
pub struct Catalog {
    inner: Arc<Inner>,
}

struct Inner {
    parts: CatalogParts,
    context: Context,
    config: CatalogConfig,
    links: LinkCache,
}

/// What the catalogue is made of.
#[derive(Clone)]
pub struct CatalogParts {
    /// Artists, tracks, playlists.
    pub store: Arc<dyn CatalogStore>,
    /// Audio and covers.
    pub media: Arc<dyn MediaStore>,
    /// URLs for them.
    pub signer: Arc<dyn MediaSigner>,
    /// Looks at uploads.
    pub probe: Arc<dyn MediaProbe>,
}

impl Catalog {
    /// The service over these parts.
    pub fn new(parts: CatalogParts, context: Context, config: CatalogConfig) -> Self {
        let links = LinkCache::new(parts.signer.clone(), config.media_url_ttl, LinkCache::MAX_LINKS);
        Self { inner: Arc::new(Inner { parts, context, config, links }) }
    }

    /// The most bytes that the files of one upload may have together: nothing longer is worth
    /// receiving.
    pub fn max_upload_bytes(&self) -> u64 {
        self.inner.config.max_audio_bytes.saturating_add(self.inner.config.max_cover_bytes)
    }
}
