mod stored_playlist;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use jiff::Timestamp;

use self::stored_playlist::StoredPlaylist;
use super::MemoryStore;
use super::store::Tables;
use crate::model::playlist::NewEntry;
use crate::model::search::{fold, matches};
use crate::model::{
    AccountId, Artist, ArtistId, EntryId, Event, LibraryItem, Page, PageSize, Playlist, PlaylistChange,
    PlaylistEntry, PlaylistId, Rank, Track, TrackChange, TrackFilter, TrackId, TrackSort, TrackStatus,
    Visibility,
};
use crate::port::{
    CatalogError, CatalogStore, EntryPlace, EntryPosition, ListenerCatalog, PlaylistPosition, TrackPosition,
};

const MOST_STALE_UPLOADS: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Catalog {
    pub(super) artists: HashMap<ArtistId, Artist>,
    pub(super) tracks: BTreeMap<TrackId, Track>,
    /// The tracks that were public and ready at some time.
    released: HashSet<TrackId>,
    pub(super) playlists: BTreeMap<PlaylistId, StoredPlaylist>,
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

    /// Whether the track is out for the first time.
    fn release(&mut self, id: TrackId) -> bool {
        self.tracks.get(&id).is_some_and(is_out) && self.released.insert(id)
    }

    /// Whether it was released, and is not public now.
    fn is_withdrawn(&self, id: TrackId) -> bool {
        self.released.contains(&id) && !self.tracks.get(&id).is_some_and(is_out)
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
        require_version(expected, stored.playlist.version)?;
        Ok(stored)
    }
}

fn require_version(expected: Option<u64>, current: u64) -> Result<(), CatalogError> {
    match expected {
        Some(expected) if expected != current => Err(CatalogError::StaleVersion { current }),
        _ => Ok(()),
    }
}

fn is_out(track: &Track) -> bool {
    track.visibility == Visibility::Public && track.status == TrackStatus::Ready
}

fn passes(filter: &TrackFilter, track: &Track) -> bool {
    let same_genre = |wanted: &str| track.genre.as_ref().is_some_and(|genre| fold(genre.as_str()) == wanted);
    (is_out(track) || filter.viewer == Some(track.artist_id))
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
        let known = artists.entry(artist.id).or_insert_with(|| artist.clone());
        if known.named_at < artist.named_at {
            known.name = artist.name.clone();
            known.named_at = artist.named_at;
        }
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
        catalog.release(track.id);
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
        tables.catalog.release(id);
        tables.outbox.append(events);
        drop(tables);
        self.appended.give();
        Ok(true)
    }

    async fn update_track(
        &self,
        id: TrackId,
        expected: Option<u64>,
        change: &TrackChange,
        released: &[Event],
        hidden: &[Event],
    ) -> Result<Track, CatalogError> {
        let mut tables = self.tables();
        let catalog = &mut tables.catalog;
        let track = catalog.tracks.get_mut(&id).ok_or(CatalogError::NotFound { what: "track" })?;
        require_version(expected, track.version)?;
        if track.status == TrackStatus::Processing {
            return Err(CatalogError::Processing);
        }
        let TrackChange { title, genre, visibility } = change.clone();
        track.title = title.unwrap_or_else(|| track.title.clone());
        track.genre = genre.unwrap_or_else(|| track.genre.clone());
        track.visibility = visibility.unwrap_or(track.visibility);
        track.version += 1;
        let changed = track.clone();
        let changed = catalog.named(&changed);
        let events = if catalog.release(id) {
            released
        } else if catalog.is_withdrawn(id) {
            hidden
        } else {
            &[]
        };
        tables.outbox.append(events);
        drop(tables);
        if !events.is_empty() {
            self.appended.give();
        }
        Ok(changed)
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

    async fn delete_track(
        &self,
        id: TrackId,
        expected: Option<u64>,
        events: &[Event],
    ) -> Result<Option<Track>, CatalogError> {
        let mut tables = self.tables();
        let Some(track) = tables.catalog.track(id) else {
            return Ok(None);
        };
        require_version(expected, track.version)?;
        let Tables { catalog, library, .. } = &mut *tables;
        catalog.tracks.remove(&id);
        catalog.released.remove(&id);
        for stored in catalog.playlists.values_mut() {
            let before = stored.entries.len();
            stored.entries.retain(|(_, entry)| entry.track_id != id);
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
        catalog.playlists.insert(playlist.id, StoredPlaylist::new(playlist.clone(), entries));
        library.feeds.touch_playlist(playlist);
        Ok(())
    }

    async fn playlist(&self, id: PlaylistId) -> Result<Option<Playlist>, CatalogError> {
        Ok(self.tables().catalog.playlists.get(&id).map(|stored| stored.playlist.clone()))
    }

    async fn update_playlist(
        &self,
        id: PlaylistId,
        expected: Option<u64>,
        change: &PlaylistChange,
        now: Timestamp,
    ) -> Result<Playlist, CatalogError> {
        let Tables { catalog, library, .. } = &mut *self.tables();
        let edited = catalog.editable(id, expected)?.change(change, now);
        library.feeds.touch_playlist(&edited);
        Ok(edited)
    }

    async fn delete_playlist(&self, id: PlaylistId, expected: Option<u64>) -> Result<(), CatalogError> {
        let Tables { catalog, library, .. } = &mut *self.tables();
        let owner = catalog.editable(id, expected)?.playlist.owner_id;
        catalog.playlists.remove(&id);
        library.feeds.touch(owner, LibraryItem::Playlist(id), None);
        Ok(())
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
        let catalog = &self.tables().catalog;
        let Some(StoredPlaylist { entries, ranking, .. }) = catalog.playlists.get(&id) else {
            return Ok(Page { items: Vec::new(), next: None });
        };
        if after.is_some_and(|after| after.ranking != *ranking) {
            return Err(CatalogError::PlaceLost);
        }
        let first = after.map_or(0, |after| entries.partition_point(|(rank, _)| *rank <= after.rank));
        let read = |(rank, entry): &(Rank, NewEntry)| {
            let track = catalog.track(entry.track_id)?;
            Some((rank.clone(), PlaylistEntry { id: entry.id, track, added_at: entry.added_at }))
        };
        let found = entries[first..].iter().filter_map(read).take(size.get() + 1).collect();
        let page = Page::from_surplus(found, size, |(rank, _): &(Rank, _)| EntryPlace {
            ranking: *ranking,
            rank: rank.clone(),
        });
        Ok(Page { items: page.items.into_iter().map(|(_, entry)| entry).collect(), next: page.next })
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
        let edited = stored.add(entries, position, now)?;
        library.feeds.touch_playlist(&edited);
        Ok(edited)
    }

    async fn move_entry(
        &self,
        id: PlaylistId,
        expected: Option<u64>,
        entry: EntryId,
        index: u32,
        now: Timestamp,
    ) -> Result<Playlist, CatalogError> {
        let Tables { catalog, library, .. } = &mut *self.tables();
        let edited = catalog.editable(id, expected)?.move_to(index, entry, now)?;
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
        let edited = catalog.editable(id, expected)?.remove(entry, now)?;
        library.feeds.touch_playlist(&edited);
        Ok(edited)
    }
}
