//! What a listener keeps: likes, follows, playlists, and the plays of the past.

use jiff::Timestamp;

use super::{Artist, ArtistId, DeviceId, PlayId, PlaylistId, Track, TrackId};

/// A track that a listener likes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LikedTrack {
    /// The track.
    pub track: Track,
    /// Since when.
    pub liked_at: Timestamp,
}

/// An artist with what is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtistSummary {
    /// The artist.
    pub artist: Artist,
    /// How many listeners follow the artist.
    pub follower_count: u64,
    /// How many tracks everybody can find.
    pub track_count: u64,
}

/// An artist whom a listener follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowedArtist {
    /// The artist.
    pub summary: ArtistSummary,
    /// Since when.
    pub followed_at: Timestamp,
}

/// A play, as its listener looks back at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// What the device called it.
    pub play_id: PlayId,
    /// The track as it is now.
    pub track: Track,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it was heard, in milliseconds.
    pub played_ms: u32,
    /// Whether it counts.
    pub counted: bool,
    /// Which device played it, if it said so.
    pub device_id: Option<DeviceId>,
}

/// Something in a listener's library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LibraryItem {
    /// The like of a track.
    Like(TrackId),
    /// The follow of an artist.
    Follow(ArtistId),
    /// A playlist of the listener's own.
    Playlist(PlaylistId),
}

/// How something in a listener's library was left by its last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LibraryChange {
    /// What changed.
    pub item: LibraryItem,
    /// How it is now; `None` when it is gone.
    pub kept: Option<Kept>,
}

/// Something that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Since when it is liked or followed; when the playlist was last edited.
    pub at: Timestamp,
    /// The playlist's version; `None` for likes and follows.
    pub version: Option<u64>,
}
