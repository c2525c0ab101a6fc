use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;
use super::store::Tables;
use crate::model::playlist::NewEntry;
use crate::model::search::{fold, matches};
use crate::model::{
    AccountId, Artist, ArtistId, EntryId, Event, Page, PageSize, Playlist, PlaylistEntry, PlaylistId, Track,
    TrackFilter, TrackId, TrackSort, TrackStatus, Visibility,
};
use crate::port::{CatalogError, CatalogStore, EntryPosition, PlaylistPosition, TrackPosition};

const MOST_STALE_UPLOADS: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Catalog {
    pub(super) artists: HashMap<ArtistId, Artist>,
    pub(super) tracks: BTreeMap<TrackId, Track>,
    pub(super) playlists: BTreeMap<PlaylistId, StoredPlaylist>,
}

#[derive(Debug)]
pub(super) struct StoredPlaylist {
    pub(super) playlist: Playlist,
    entries: Vec<NewEntry>,
}

impl Catalog {
    /// The track as it is read: with its artist's present name.
    pub(super) fn track(&self, id: TrackId) -> Option<Track> {
        self.tracks.get(&id).map(|track| self.named(track))
    }

    fn named(&self, track: &Track) -> Track {
        let mut track = track.clone();
        if let Some(artist) = self.artists.get(&track.artist_id) {
            track.artist_name = artist.name.clone();
        }
        track
    }

    fn require_tracks(&self, entries: &[NewEntry]) -> Result<(), CatalogError> {
        let known = entries.iter().all(|entry| self.tracks.contains_key(&entry.track_id));
        if known { Ok(()) } else { Err(CatalogError::NotFound { what: "track" }) }
    }

    fn editable(
        &mut self,
        id: PlaylistId,
        expected: Option<u64>,
    ) -> Result<&mut StoredPlaylist, CatalogError> {
        let stored = self.playlists.get_mut(&id).ok_or(CatalogError::NotFound { what: "playlist" })?;
        let current = stored.playlist.version;
        if expected.is_some_and(|expected| expected != current) {
            return Err(CatalogError::StaleVersion { current });
        }
        Ok(stored)
    }
}

impl StoredPlaylist {
    fn entries_changed(&mut self) {
        self.playlist.entry_count = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.playlist.version += 1;
    }

    fn edited(&mut self, now: Timestamp) -> Playlist {
        self.entries_changed();
        self.playlist.updated_at = now;
        self.playlist.clone()
    }
}

fn passes(filter: &TrackFilter, track: &Track) -> bool {
    let published = track.visibility == Visibility::Public && track.status == TrackStatus::Ready;
    let same_genre = |wanted: &str| track.genre.as_ref().is_some_and(|genre| fold(genre.as_str()) == wanted);
    (published || filter.viewer == Some(track.artist_id))
        && filter.artist_id.is_none_or(|artist| artist == track.artist_id)
        && filter.genre.as_ref().is_none_or(|genre| same_genre(&fold(genre.as_str())))
        && matches(&filter.words, &[track.title.as_str(), track.artist_name.as_str()])
}

fn position(sort: TrackSort, track: &Track) -> TrackPosition {
    let id = track.id;
    match sort {
        TrackSort::Newest => TrackPosition::Newest { id },
        TrackSort::Popular => TrackPosition::Popular { play_count: track.play_count, id },
        TrackSort::Title => TrackPosition::Title { title: fold(track.title.as_str()), id },
    }
}

/// Positions of one list by their order in it. A list never mixes two kinds.
fn in_order(a: &TrackPosition, b: &TrackPosition) -> Ordering {
    use TrackPosition::{Newest, Popular, Title};
    match (a, b) {
        (Newest { id: a }, Newest { id: b }) => b.cmp(a),
        (Popular { play_count: plays_a, id: a }, Popular { play_count: plays_b, id: b }) => {
            (plays_b, b).cmp(&(plays_a, a))
        }
        (Title { title: title_a, id: a }, Title { title: title_b, id: b }) => (title_a, a).cmp(&(title_b, b)),
        _ => Ordering::Equal,
    }
}

#[async_trait]
impl CatalogStore for MemoryStore {
    async fn upsert_artist(&self, artist: &Artist) -> Result<(), CatalogError> {
        let artists = &mut self.tables().catalog.artists;
        artists.entry(artist.id).or_insert_with(|| artist.clone()).name = artist.name.clone();
        Ok(())
    }

    async fn artist(&self, id: ArtistId) -> Result<Option<Artist>, CatalogError> {
        Ok(self.tables().catalog.artists.get(&id).cloned())
    }

    async fn create_track(&self, track: &Track) -> Result<(), CatalogError> {
        let catalog = &mut self.tables().catalog;
        if !catalog.artists.contains_key(&track.artist_id) {
            return Err(CatalogError::NotFound { what: "artist" });
        }
        catalog.tracks.insert(track.id, track.clone());
        Ok(())
    }

    async fn publish_track(&self, id: TrackId, events: &[Event]) -> Result<bool, CatalogError> {
        let mut tables = self.tables();
        let track = tables.catalog.tracks.get_mut(&id);
        let Some(track) = track.filter(|track| track.status == TrackStatus::Processing) else {
            return Ok(false);
        };
        track.status = TrackStatus::Ready;
        track.version += 1;
        tables.outbox.append(events);
        drop(tables);
        self.appended.give();
        Ok(true)
    }

    async fn track(&self, id: TrackId) -> Result<Option<Track>, CatalogError> {
        Ok(self.tables().catalog.track(id))
    }

    async fn tracks_by_id(&self, ids: &[TrackId]) -> Result<Vec<Track>, CatalogError> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let catalog = &self.tables().catalog;
        Ok(ids.into_iter().filter_map(|id| catalog.track(id)).collect())
    }

    async fn list_tracks(
        &self,
        filter: &TrackFilter,
        size: PageSize,
        after: Option<&TrackPosition>,
    ) -> Result<Page<Track, TrackPosition>, CatalogError> {
        let catalog = &self.tables().catalog;
        let mut found: Vec<(TrackPosition, Track)> = catalog
            .tracks
            .values()
            .map(|track| catalog.named(track))
            .filter(|track| passes(filter, track))
            .map(|track| (position(filter.sort, &track), track))
            .filter(|(here, _)| after.is_none_or(|after| in_order(here, after).is_gt()))
            .collect();
        found.sort_by(|(a, _), (b, _)| in_order(a, b));
        found.truncate(size.get() + 1);
        let tracks = found.into_iter().map(|(_, track)| track).collect();
        Ok(Page::from_surplus(tracks, size, |track| position(filter.sort, track)))
    }

    async fn stale_uploads(&self, before: Timestamp) -> Result<Vec<Track>, CatalogError> {
        let catalog = &self.tables().catalog;
        let stale = |track: &&Track| track.status == TrackStatus::Processing && track.created_at < before;
        let mut found: Vec<_> =
            catalog.tracks.values().filter(stale).map(|track| catalog.named(track)).collect();
        found.sort_by_key(|track| track.created_at);
        found.truncate(MOST_STALE_UPLOADS);
        Ok(found)
    }

    async fn delete_track(&self, id: TrackId, events: &[Event]) -> Result<Option<Track>, CatalogError> {
        let mut tables = self.tables();
        let Some(track) = tables.catalog.track(id) else {
            return Ok(None);
        };
        let Tables { catalog, library, .. } = &mut *tables;
        catalog.tracks.remove(&id);
        for stored in catalog.playlists.values_mut() {
            let before = stored.entries.len();
            stored.entries.retain(|entry| entry.track_id != id);
            if stored.entries.len() < before {
                stored.entries_changed();
                library.feeds.touch_playlist(&stored.playlist);
            }
        }
        tables.outbox.append(events);
        drop(tables);
        self.appended.give();
        Ok(Some(track))
    }

    async fn create_playlist(&self, playlist: &Playlist, entries: &[NewEntry]) -> Result<(), CatalogError> {
        let Tables { catalog, library, .. } = &mut *self.tables();
        catalog.require_tracks(entries)?;
        let stored = StoredPlaylist { playlist: playlist.clone(), entries: entries.to_vec() };
        catalog.playlists.insert(playlist.id, stored);
        library.feeds.touch_playlist(playlist);
        Ok(())
    }

    async fn playlist(&self, id: PlaylistId) -> Result<Option<Playlist>, CatalogError> {
        Ok(self.tables().catalog.playlists.get(&id).map(|stored| stored.playlist.clone()))
    }

    async fn playlist_entries(&self, id: PlaylistId) -> Result<Vec<PlaylistEntry>, CatalogError> {
        let catalog = &self.tables().catalog;
        let entries = catalog.playlists.get(&id).map_or(&[][..], |stored| &stored.entries);
        let read = |entry: &NewEntry| {
            let track = catalog.track(entry.track_id)?;
            Some(PlaylistEntry { id: entry.id, track, added_at: entry.added_at })
        };
        Ok(entries.iter().filter_map(read).collect())
    }

    async fn list_playlists(
        &self,
        owner: AccountId,
        size: PageSize,
        after: Option<&PlaylistPosition>,
    ) -> Result<Page<Playlist, PlaylistPosition>, CatalogError> {
        let catalog = &self.tables().catalog;
        let mut found: Vec<_> = catalog
            .playlists
            .values()
            .map(|stored| &stored.playlist)
            .filter(|playlist| playlist.owner_id == owner)
            .filter(|playlist| after.is_none_or(|after| playlist.id < after.id))
            .cloned()
            .collect();
        found.sort_by_key(|playlist| Reverse(playlist.id));
        found.truncate(size.get() + 1);
        Ok(Page::from_surplus(found, size, |playlist| PlaylistPosition { id: playlist.id }))
    }

    async fn add_entries(
        &self,
        id: PlaylistId,
        expected: Option<u64>,
        entries: &[NewEntry],
        position: EntryPosition,
        now: Timestamp,
    ) -> Result<Playlist, CatalogError> {
        let Tables { catalog, library, .. } = &mut *self.tables();
        let known = catalog.require_tracks(entries);
        let stored = catalog.editable(id, expected)?;
        known?;
        if stored.entries.len() + entries.len() > Playlist::MAX_ENTRIES {
            return Err(CatalogError::Full);
        }
        let end = stored.entries.len();
        let index = match position {
            EntryPosition::At(index) => usize::try_from(index).unwrap_or(end).min(end),
            EntryPosition::End => end,
        };
        stored.entries.splice(index..index, entries.iter().copied());
        let edited = stored.edited(now);
        library.feeds.touch_playlist(&edited);
        Ok(edited)
    }

    async fn remove_entry(
        &self,
        id: PlaylistId,
        expected: Option<u64>,
        entry: EntryId,
        now: Timestamp,
    ) -> Result<Playlist, CatalogError> {
        let Tables { catalog, library, .. } = &mut *self.tables();
        let stored = catalog.editable(id, expected)?;
        let index = stored.entries.iter().position(|stored| stored.id == entry);
        stored.entries.remove(index.ok_or(CatalogError::NotFound { what: "entry" })?);
        let edited = stored.edited(now);
        library.feeds.touch_playlist(&edited);
        Ok(edited)
    }
}
