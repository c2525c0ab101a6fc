//! Playlists.

use jiff::Timestamp;

use super::{AccountId, Description, EntryId, PlaylistId, Title, Track, TrackId, Visibility};

/// A playlist without its tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playlist {
    /// Identifier.
    pub id: PlaylistId,
    /// Whose it is.
    pub owner_id: AccountId,
    /// Title.
    pub title: Title,
    /// What it is about; may be empty.
    pub description: Description,
    /// Who may see it.
    pub visibility: Visibility,
    /// How many entries it has.
    pub entry_count: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it or its entries last changed.
    pub updated_at: Timestamp,
    /// Grows with every change of it or its entries; the `ETag`.
    pub version: u64,
}

impl Playlist {
    /// The most entries a playlist holds.
    pub const MAX_ENTRIES: usize = 10_000;

    /// Whether this account may know that it exists.
    pub fn is_visible_to(&self, account: AccountId) -> bool {
        self.visibility != Visibility::Private || self.owner_id == account
    }
}

/// What its owner changes of a playlist; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlaylistChange {
    /// The new title.
    pub title: Option<Title>,
    /// The new description; may be empty.
    pub description: Option<Description>,
    /// Who may see it from now on.
    pub visibility: Option<Visibility>,
}

/// One place in a playlist; a track may stand in several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaylistEntry {
    /// Identifier.
    pub id: EntryId,
    /// The track that stands here.
    pub track: Track,
    /// When it was added.
    pub added_at: Timestamp,
}

/// An entry that is about to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// Identifier.
    pub id: EntryId,
    /// The track that is to stand here.
    pub track_id: TrackId,
    /// When it is added.
    pub added_at: Timestamp,
}
