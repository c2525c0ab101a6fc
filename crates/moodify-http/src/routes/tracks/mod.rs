//! What can be heard.

pub(crate) mod create_track;
pub(crate) mod delete_track;
pub(crate) mod get_track;
pub(crate) mod get_track_audio;
pub(crate) mod get_track_cover;
pub(crate) mod list_tracks;
pub(crate) mod report_play;
pub(crate) mod track;
pub(crate) mod update_track;
