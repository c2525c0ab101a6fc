use std::collections::HashSet;

use async_trait::async_trait;

use super::{CatalogError, EntryPlace, TrackPosition};
use crate::model::{
    AccountId, Page, PageSize, Playlist, PlaylistEntry, PlaylistId, Track, TrackFilter, TrackId,
};

/// The catalogue as one listener sees it: what is asked most often, in one question each.
///
/// An optional ability of a [`CatalogStore`](super::CatalogStore), which has it if its
/// [`for_listener`](super::CatalogStore::for_listener) says so. It pays where a question costs this
/// process much, whatever is asked, as over a network. Every answer is the one that the
/// [`CatalogStore`](super::CatalogStore) gives to the same question, with that of
/// [`LibraryStore::liked_among`](super::LibraryStore::liked_among) about its tracks; a read that
/// begins after a write has returned sees it. Of writes that are under way one part of an answer may
/// show more than another: a playlist its old title and its new entries.
#[async_trait]
pub trait ListenerCatalog: Send + Sync {
    /// A page as of [`list_tracks`](super::CatalogStore::list_tracks), and which of its tracks the
    /// listener likes. Others may be named as well.
    async fn list_tracks_for(
        &self,
        listener: AccountId,
        filter: &TrackFilter,
        size: PageSize,
        after: Option<&TrackPosition>,
    ) -> Result<(Page<Track, TrackPosition>, HashSet<TrackId>), CatalogError>;

    /// A playlist with its first entries; `None` when there is none.
    async fn playlist_for(
        &self,
        listener: AccountId,
        id: PlaylistId,
        size: PageSize,
    ) -> Result<Option<ListenerPlaylist>, CatalogError>;
}

/// A playlist as a listener sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerPlaylist {
    /// The playlist.
    pub playlist: Playlist,
    /// Its first entries, as of [`playlist_entries`](super::CatalogStore::playlist_entries).
    pub entries: Page<PlaylistEntry, EntryPlace>,
    /// Which of their tracks the listener likes. Others may be named as well.
    pub liked: HashSet<TrackId>,
}
