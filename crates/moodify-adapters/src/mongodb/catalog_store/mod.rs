//! One file per part of the port; this one only hands over.

pub(super) mod artists;
pub(super) mod entries;
pub(super) mod list;
mod listener;
pub(super) mod playlists;
mod ranks;
pub(super) mod tracks;

use async_trait::async_trait;
use jiff::Timestamp;
use moodify_core::model::playlist::NewEntry;
use moodify_core::model::{
    AccountId, Artist, ArtistId, EntryId, Event, Page, PageSize, Playlist, PlaylistChange, PlaylistEntry,
    PlaylistId, Track, TrackChange, TrackFilter, TrackId,
};
use moodify_core::port::{
    CatalogError, CatalogStore, EntryPlace, EntryPosition, ListenerCatalog, PlaylistPosition, TrackPosition,
};

use super::MongoStore;

#[async_trait]
impl CatalogStore for MongoStore {
    async fn upsert_artist(&self, artist: &Artist) -> Result<(), CatalogError> {
        artists::upsert(self, artist).await
    }

    async fn artist(&self, id: ArtistId) -> Result<Option<Artist>, CatalogError> {
        artists::find(self, id).await
    }

    async fn create_track(&self, track: &Track) -> Result<(), CatalogError> {
        tracks::create(self, track).await
    }

    async fn publish_track(&self, id: TrackId, events: &[Event]) -> Result<bool, CatalogError> {
        tracks::publish(self, id, events).await
    }

    async fn update_track(
        &self,
        id: TrackId,
        expected: Option<u64>,
        change: &TrackChange,
        released: &[Event],
        hidden: &[Event],
    ) -> Result<Track, CatalogError> {
        tracks::update(self, id, expected, change, released, hidden).await
    }

    async fn track(&self, id: TrackId) -> Result<Option<Track>, CatalogError> {
        tracks::find(self, id).await
    }

    async fn tracks_by_id(&self, ids: &[TrackId]) -> Result<Vec<Track>, CatalogError> {
        Ok(tracks::find_all(&mut self.database.plain(), ids).await?)
    }

    async fn list_tracks(
        &self,
        filter: &TrackFilter,
        size: PageSize,
        after: Option<&TrackPosition>,
    ) -> Result<Page<Track, TrackPosition>, CatalogError> {
        list::page(self, filter, size, after).await
    }

    async fn stale_uploads(&self, before: Timestamp) -> Result<Vec<Track>, CatalogError> {
        tracks::stale(self, before).await
    }

    async fn delete_track(
        &self,
        id: TrackId,
        expected: Option<u64>,
        events: &[Event],
    ) -> Result<Option<Track>, CatalogError> {
        tracks::delete(self, id, expected, events).await
    }

    async fn create_playlist(&self, playlist: &Playlist, entries: &[NewEntry]) -> Result<(), CatalogError> {
        playlists::create(self, playlist, entries).await
    }

    async fn playlist(&self, id: PlaylistId) -> Result<Option<Playlist>, CatalogError> {
        playlists::find(self, id).await
    }

    async fn update_playlist(
        &self,
        id: PlaylistId,
        expected: Option<u64>,
        change: &PlaylistChange,
        now: Timestamp,
    ) -> Result<Playlist, CatalogError> {
        playlists::update(self, id, expected, change, now).await
    }

    async fn delete_playlist(&self, id: PlaylistId, expected: Option<u64>) -> Result<(), CatalogError> {
        playlists::delete(self, id, expected).await
    }

    fn for_listener(&self) -> Option<&dyn ListenerCatalog> {
        Some(self)
    }

    async fn playlist_entries(
        &self,
        id: PlaylistId,
        size: PageSize,
        after: Option<&EntryPlace>,
    ) -> Result<Page<PlaylistEntry, EntryPlace>, CatalogError> {
        entries::page(self, id, size, after).await
    }

    async fn list_playlists(
        &self,
        owner: AccountId,
        size: PageSize,
        after: Option<&PlaylistPosition>,
    ) -> Result<Page<Playlist, PlaylistPosition>, CatalogError> {
        playlists::page(self, owner, size, after).await
    }

    async fn add_entries(
        &self,
        id: PlaylistId,
        expected: Option<u64>,
        entries: &[NewEntry],
        position: EntryPosition,
        now: Timestamp,
    ) -> Result<Playlist, CatalogError> {
        entries::add(self, id, expected, entries, position, now).await
    }

    async fn move_entry(
        &self,
        id: PlaylistId,
        expected: Option<u64>,
        entry: EntryId,
        index: u32,
        now: Timestamp,
    ) -> Result<Playlist, CatalogError> {
        entries::move_to(self, id, expected, entry, index, now).await
    }

    async fn remove_entry(
        &self,
        id: PlaylistId,
        expected: Option<u64>,
        entry: EntryId,
        now: Timestamp,
    ) -> Result<Playlist, CatalogError> {
        entries::remove(self, id, expected, entry, now).await
    }
}
