use jiff::Timestamp;

use crate::model::playlist::NewEntry;
use crate::model::{EntryId, Playlist, PlaylistChange, Rank};
use crate::port::{CatalogError, EntryPosition};

/// A playlist as it is kept: its entries with their ranks, in order.
#[derive(Debug)]
pub(in crate::memory) struct StoredPlaylist {
    pub(in crate::memory) playlist: Playlist,
    pub(super) entries: Vec<(Rank, NewEntry)>,
    /// How often all ranks were given anew.
    pub(super) ranking: u64,
}

impl StoredPlaylist {
    pub(super) fn new(playlist: Playlist, entries: &[NewEntry]) -> Self {
        let entries = Rank::spread(entries.len()).into_iter().zip(entries.iter().copied()).collect();
        Self { playlist, entries, ranking: 0 }
    }

    pub(super) fn change(&mut self, change: &PlaylistChange, now: Timestamp) -> Playlist {
        let playlist = &mut self.playlist;
        let PlaylistChange { title, description, visibility } = change.clone();
        playlist.title = title.unwrap_or_else(|| playlist.title.clone());
        playlist.description = description.unwrap_or_else(|| playlist.description.clone());
        playlist.visibility = visibility.unwrap_or(playlist.visibility);
        self.edited(now)
    }

    pub(super) fn add(
        &mut self,
        new: &[NewEntry],
        position: EntryPosition,
        now: Timestamp,
    ) -> Result<Playlist, CatalogError> {
        if self.entries.len() + new.len() > Playlist::MAX_ENTRIES {
            return Err(CatalogError::Full);
        }
        let index = match position {
            EntryPosition::At(index) => usize::try_from(index).unwrap_or(usize::MAX),
            EntryPosition::End => usize::MAX,
        };
        self.insert(index, new);
        Ok(self.edited(now))
    }

    pub(super) fn move_to(
        &mut self,
        index: u32,
        entry: EntryId,
        now: Timestamp,
    ) -> Result<Playlist, CatalogError> {
        let moved = self.take(entry)?;
        self.insert(usize::try_from(index).unwrap_or(usize::MAX), &[moved]);
        Ok(self.edited(now))
    }

    pub(super) fn remove(&mut self, entry: EntryId, now: Timestamp) -> Result<Playlist, CatalogError> {
        self.take(entry)?;
        Ok(self.edited(now))
    }

    fn take(&mut self, entry: EntryId) -> Result<NewEntry, CatalogError> {
        let index = self.entries.iter().position(|(_, stored)| stored.id == entry);
        Ok(self.entries.remove(index.ok_or(CatalogError::NotFound { what: "entry" })?).1)
    }

    fn insert(&mut self, index: usize, new: &[NewEntry]) {
        let index = index.min(self.entries.len());
        let ranks = self.free_ranks(index, new.len()).unwrap_or_else(|| {
            self.ranking += 1;
            let ranks = Rank::spread(self.entries.len() + new.len());
            let (before, rest) = ranks.split_at(index);
            let (free, after) = rest.split_at(new.len());
            for ((rank, _), anew) in self.entries.iter_mut().zip(before.iter().chain(after)) {
                *rank = anew.clone();
            }
            free.to_vec()
        });
        self.entries.splice(index..index, ranks.into_iter().zip(new.iter().copied()));
    }

    fn free_ranks(&self, index: usize, count: usize) -> Option<Vec<Rank>> {
        let rank = |index: usize| self.entries.get(index).map(|(rank, _)| rank);
        Rank::between(index.checked_sub(1).and_then(rank), rank(index), count)
    }

    pub(super) fn entries_changed(&mut self) {
        self.playlist.entry_count = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.playlist.version += 1;
    }

    fn edited(&mut self, now: Timestamp) -> Playlist {
        self.entries_changed();
        self.playlist.updated_at = now;
        self.playlist.clone()
    }
}
