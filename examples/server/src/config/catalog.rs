//! `[catalog]`

use std::num::{NonZeroU32, NonZeroU64};

use moodify_core::config::CatalogConfig;
use serde::Deserialize;

use super::seconds;

/// Catalogue settings. What is not set has the default of [`CatalogConfig`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Catalog {
    max_audio_bytes: Option<NonZeroU64>,
    max_cover_bytes: Option<NonZeroU64>,
    uploads_at_once: Option<u32>,
    max_staged_bytes: Option<NonZeroU64>,
    direct_uploads: Option<u32>,
    upload_part_bytes: Option<NonZeroU64>,
    direct_upload_ttl_secs: Option<NonZeroU32>,
    media_url_ttl_secs: Option<NonZeroU32>,
    stale_upload_after_secs: Option<NonZeroU32>,
}

impl Catalog {
    /// The typed configuration.
    pub(crate) fn config(&self) -> CatalogConfig {
        let default = CatalogConfig::default();
        CatalogConfig {
            max_audio_bytes: self.max_audio_bytes.map_or(default.max_audio_bytes, NonZeroU64::get),
            max_cover_bytes: self.max_cover_bytes.map_or(default.max_cover_bytes, NonZeroU64::get),
            uploads_at_once: self.uploads_at_once.unwrap_or(default.uploads_at_once),
            max_staged_bytes: self.max_staged_bytes.map_or(default.max_staged_bytes, NonZeroU64::get),
            direct_uploads: self.direct_uploads.unwrap_or(default.direct_uploads),
            upload_part_bytes: self.upload_part_bytes.map_or(default.upload_part_bytes, NonZeroU64::get),
            direct_upload_ttl: seconds(self.direct_upload_ttl_secs, default.direct_upload_ttl),
            media_url_ttl: seconds(self.media_url_ttl_secs, default.media_url_ttl),
            stale_upload_after: seconds(self.stale_upload_after_secs, default.stale_upload_after),
        }
    }
}
