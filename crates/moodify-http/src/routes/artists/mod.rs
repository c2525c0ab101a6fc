//! Artists, and what they learn of their listeners.

pub(crate) mod artist;
pub(crate) mod get_artist;
pub(crate) mod get_artist_stats;
pub(crate) mod list_artist_tracks;
pub(crate) mod list_artists;
