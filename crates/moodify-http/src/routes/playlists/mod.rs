//! Tracks in an order of one's own.

pub(crate) mod add_playlist_tracks;
pub(crate) mod create_playlist;
pub(crate) mod delete_playlist;
pub(crate) mod get_playlist;
pub(crate) mod list_playlist_tracks;
pub(crate) mod list_playlists;
pub(crate) mod move_playlist_entry;
pub(crate) mod playlist;
pub(crate) mod remove_playlist_entry;
pub(crate) mod update_playlist;
