//! What a listener keeps.

pub(crate) mod follow_artist;
pub(crate) mod like_track;
pub(crate) mod list_changes;
pub(crate) mod list_follows;
pub(crate) mod list_history;
pub(crate) mod list_likes;
pub(crate) mod unfollow_artist;
pub(crate) mod unlike_track;
