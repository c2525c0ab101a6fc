use std::collections::HashSet;

use async_trait::async_trait;

use super::MemoryStore;
use crate::model::{AccountId, Page, PageSize, PlaylistId, Track, TrackFilter, TrackId};
use crate::port::{
    CatalogError, CatalogStore, LibraryStore, ListenerCatalog, ListenerPlaylist, TrackPosition, Unavailable,
};

/// One question after the other: nothing is gained by it in memory, but everything above is tried with it.
#[async_trait]
impl ListenerCatalog for MemoryStore {
    async fn list_tracks_for(
        &self,
        listener: AccountId,
        filter: &TrackFilter,
        size: PageSize,
        after: Option<&TrackPosition>,
    ) -> Result<(Page<Track, TrackPosition>, HashSet<TrackId>), CatalogError> {
        let page = self.list_tracks(filter, size, after).await?;
        let liked = liked(self, listener, page.items.iter().map(|track| track.id).collect()).await?;
        Ok((page, liked))
    }

    async fn playlist_for(
        &self,
        listener: AccountId,
        id: PlaylistId,
        size: PageSize,
    ) -> Result<Option<ListenerPlaylist>, CatalogError> {
        let Some(playlist) = self.playlist(id).await? else { return Ok(None) };
        let entries = self.playlist_entries(id, size, None).await?;
        let liked = liked(self, listener, entries.items.iter().map(|entry| entry.track.id).collect()).await?;
        Ok(Some(ListenerPlaylist { playlist, entries, liked }))
    }
}

async fn liked(
    store: &MemoryStore,
    listener: AccountId,
    tracks: Vec<TrackId>,
) -> Result<HashSet<TrackId>, CatalogError> {
    let liked = store.liked_among(listener, &tracks).await;
    liked.map_err(|error| CatalogError::Unavailable(Unavailable::lasting(error)))
}
