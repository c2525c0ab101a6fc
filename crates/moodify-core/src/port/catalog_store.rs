use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ListenerCatalog, Unavailable};
use crate::model::playlist::NewEntry;
use crate::model::{
    AccountId, Artist, ArtistId, EntryId, Event, Page, PageSize, Playlist, PlaylistChange, PlaylistEntry,
    PlaylistId, Rank, Track, TrackChange, TrackFilter, TrackId,
};

/// Artists, tracks and playlists.
///
/// Every write that takes `events` stores them in the [`Outbox`](super::Outbox) in the same atomic
/// step. A read that begins after a write has returned sees it. Lists are read by position, never
/// by offset: while others insert and delete, no item comes twice and none that stays is skipped.
#[async_trait]
pub trait CatalogStore: Send + Sync {
    /// Stores an artist; the one with this id takes the name and `named_at` if that is later than its
    /// own, whatever comes in between. `created_at` and `account_id` of an existing artist stay.
    async fn upsert_artist(&self, artist: &Artist) -> Result<(), CatalogError>;

    /// The artist with this id; `None` when there is none.
    async fn artist(&self, id: ArtistId) -> Result<Option<Artist>, CatalogError>;

    /// Stores a new track. `artist_name` is not stored: reads take it from the artist.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`] if the artist does not exist; then nothing is stored.
    async fn create_track(&self, track: &Track) -> Result<(), CatalogError>;

    /// Makes a processing track ready, with a new version, and stores `events`. Returns `false`, and
    /// stores nothing, when the track is gone or not processing. Of concurrent calls exactly one
    /// gets `true`. A track that is public now is released: see [`update_track`](Self::update_track).
    async fn publish_track(&self, id: TrackId, events: &[Event]) -> Result<bool, CatalogError>;

    /// Changes a track that is not processing, which gives it a new version, and returns it as it is
    /// now. Searches find it by the new title and no longer by the old one.
    ///
    /// `released` is stored if the track is public and ready now, and never was both before, when it
    /// was stored, published or changed: of all changes of a track, concurrent ones too, at most one
    /// stores it.
    ///
    /// `hidden` is stored if the track is not public now and was once released.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`] if there is no such track,
    /// [`CatalogError::StaleVersion`] if `expected` is given and is not its version,
    /// [`CatalogError::Processing`] if it is not finished. Then nothing is stored.
    async fn update_track(
        &self,
        id: TrackId,
        expected: Option<u64>,
        change: &TrackChange,
        released: &[Event],
        hidden: &[Event],
    ) -> Result<Track, CatalogError>;

    /// The track with this id in whatever status; `None` when there is none.
    async fn track(&self, id: TrackId) -> Result<Option<Track>, CatalogError>;

    /// The existing ones of these tracks in whatever status, each once, in no order.
    async fn tracks_by_id(&self, ids: &[TrackId]) -> Result<Vec<Track>, CatalogError>;

    /// A page of the tracks that pass the filter, in its order, from after `after` on.
    ///
    /// Listed are public, ready tracks, and all tracks of `filter.viewer`. Words match as in
    /// [`crate::model::search::matches`] in the title and the artist's present name. Newest are the
    /// greatest ids; ties are broken by id, newest first (title: smallest id first). Folded titles
    /// are compared by code points. `after` may name a track that is gone.
    async fn list_tracks(
        &self,
        filter: &TrackFilter,
        size: PageSize,
        after: Option<&TrackPosition>,
    ) -> Result<Page<Track, TrackPosition>, CatalogError>;

    /// Processing tracks with a `created_at` before this moment, oldest first, at most 100: uploads
    /// that died.
    async fn stale_uploads(&self, before: Timestamp) -> Result<Vec<Track>, CatalogError>;

    /// Deletes a track with its playlist entries and stores `events`. Each such playlist gets a new
    /// version and keeps its `updated_at`: nobody edited it. Returns the track as it was; `None`,
    /// storing nothing, when there is none. Of concurrent calls exactly one gets the track.
    ///
    /// # Errors
    /// [`CatalogError::StaleVersion`] if `expected` is given and is not its version. Then nothing is
    /// stored.
    async fn delete_track(
        &self,
        id: TrackId,
        expected: Option<u64>,
        events: &[Event],
    ) -> Result<Option<Track>, CatalogError>;

    /// Stores a new playlist with these entries, in this order.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`] if one of the tracks does not exist; then nothing is stored.
    async fn create_playlist(&self, playlist: &Playlist, entries: &[NewEntry]) -> Result<(), CatalogError>;

    /// The playlist with this id; `None` when there is none.
    async fn playlist(&self, id: PlaylistId) -> Result<Option<Playlist>, CatalogError>;

    /// Changes a playlist, not its entries, and returns it with its new version and `now` as its
    /// `updated_at`.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`] if there is no such playlist,
    /// [`CatalogError::StaleVersion`] if `expected` is given and is not its version. Then nothing is
    /// stored.
    async fn update_playlist(
        &self,
        id: PlaylistId,
        expected: Option<u64>,
        change: &PlaylistChange,
        now: Timestamp,
    ) -> Result<Playlist, CatalogError>;

    /// Deletes a playlist with its entries.
    ///
    /// # Errors
    /// As [`update_playlist`](Self::update_playlist). Of concurrent calls exactly one succeeds.
    async fn delete_playlist(&self, id: PlaylistId, expected: Option<u64>) -> Result<(), CatalogError>;

    /// A page of the entries of a playlist in their order, each with its track, from after `after`
    /// on; empty when there is no such playlist. An entry that is moved meanwhile may come twice or
    /// not at all; the others come once.
    ///
    /// # Errors
    /// [`CatalogError::PlaceLost`] if the playlist was ranked anew ([`Rank`]) since `after` was read.
    async fn playlist_entries(
        &self,
        id: PlaylistId,
        size: PageSize,
        after: Option<&EntryPlace>,
    ) -> Result<Page<PlaylistEntry, EntryPlace>, CatalogError>;

    /// This store as one listener sees it, if it can be asked for that at once.
    fn for_listener(&self) -> Option<&dyn ListenerCatalog> {
        None
    }

    /// A page of this account's playlists, newest (greatest id) first, from after `after` on.
    async fn list_playlists(
        &self,
        owner: AccountId,
        size: PageSize,
        after: Option<&PlaylistPosition>,
    ) -> Result<Page<Playlist, PlaylistPosition>, CatalogError>;

    /// Puts entries into a playlist, in their order, before the entry that stands at `position`
    /// (or at the end). Returns the playlist with its new version and `now` as its `updated_at`.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`] if the playlist or one of the tracks does not exist,
    /// [`CatalogError::StaleVersion`] if `expected` is given and is not its version,
    /// [`CatalogError::Full`] past [`Playlist::MAX_ENTRIES`]. Then nothing is stored.
    async fn add_entries(
        &self,
        id: PlaylistId,
        expected: Option<u64>,
        entries: &[NewEntry],
        position: EntryPosition,
        now: Timestamp,
    ) -> Result<Playlist, CatalogError>;

    /// Gives an entry another place: afterwards it stands at `index`, counted from 0, or at the end
    /// if there are not so many. Returns the playlist with its new version and `now` as its
    /// `updated_at`.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`] if the playlist or the entry in it does not exist,
    /// [`CatalogError::StaleVersion`] as above. Then nothing is stored.
    async fn move_entry(
        &self,
        id: PlaylistId,
        expected: Option<u64>,
        entry: EntryId,
        index: u32,
        now: Timestamp,
    ) -> Result<Playlist, CatalogError>;

    /// Takes one entry out of a playlist. Returns the playlist with its new version and `now` as its
    /// `updated_at`.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`] if the playlist or the entry in it does not exist,
    /// [`CatalogError::StaleVersion`] as above. Then nothing is stored.
    async fn remove_entry(
        &self,
        id: PlaylistId,
        expected: Option<u64>,
        entry: EntryId,
        now: Timestamp,
    ) -> Result<Playlist, CatalogError>;
}

/// Where entries go in a playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryPosition {
    /// Before the entry at this index, counted from 0; past the end means at the end.
    At(u32),
    /// After the last entry.
    End,
}

/// A place in a list of tracks: the sort key of the last item read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackPosition {
    /// In the order newest first.
    Newest {
        /// The last track read.
        id: TrackId,
    },
    /// In the order most plays first.
    Popular {
        /// Its plays when it was read.
        play_count: u64,
        /// The last track read.
        id: TrackId,
    },
    /// In the order of titles.
    Title {
        /// Its folded title ([`crate::model::search::fold`]).
        title: String,
        /// The last track read.
        id: TrackId,
    },
}

/// A place in a list of playlists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaylistPosition {
    /// The last playlist read.
    pub id: PlaylistId,
}

/// A place among the entries of a playlist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryPlace {
    /// How often the playlist had been ranked anew.
    pub ranking: u64,
    /// The rank of the last entry read.
    pub rank: Rank,
}

/// Why a [`CatalogStore`] failed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// What a write belongs to does not exist.
    #[error("the {what} does not exist")]
    NotFound {
        /// `artist`, `track`, `playlist` or `entry`.
        what: &'static str,
    },
    /// Somebody else changed it first.
    #[error("the version is stale: it is {current} now")]
    StaleVersion {
        /// The version it has.
        current: u64,
    },
    /// The track's upload is not finished.
    #[error("the track is still being processed")]
    Processing,
    /// The list was ranked anew: a place from before means nothing now.
    #[error("the place in the list is lost")]
    PlaceLost,
    /// The playlist would grow past its limit.
    #[error("the playlist is full")]
    Full,
    /// The technology failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
