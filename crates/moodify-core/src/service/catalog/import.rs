//! Playlists that come from another system, and which tracks did: for commands of whoever runs the server,
//! never for requests.

use std::collections::HashSet;

use super::Catalog;
use crate::Error;
use crate::model::playlist::NewEntry;
use crate::model::{
    AccountId, Description, EntryId, Playlist, PlaylistId, Timestamp, Title, TrackId, Visibility,
};

/// What is known of a playlist that comes from another system. Its identifiers are always made of the same
/// ones there.
#[derive(Clone, Debug)]
pub struct ImportedPlaylist {
    /// The playlist's.
    pub id: PlaylistId,
    /// Whose it is.
    pub owner_id: AccountId,
    /// Title.
    pub title: Title,
    /// What it is about; may be empty.
    pub description: Description,
    /// Who may see it.
    pub visibility: Visibility,
    /// Its places in order, each with the track that stands there: existing ones, at most
    /// [`Playlist::MAX_ENTRIES`].
    pub entries: Vec<(EntryId, TrackId)>,
    /// When it was made there.
    pub created_at: Timestamp,
    /// When it last changed there.
    pub updated_at: Timestamp,
}

impl Catalog {
    /// Takes a playlist over, in one step. Returns `false`, and leaves the one that is there as it is, if
    /// its id is known already.
    ///
    /// # Errors
    /// [`Error::NotFound`] if one of the tracks does not exist, or the owner is gone.
    pub async fn import_playlist(&self, new: ImportedPlaylist) -> Result<bool, Error> {
        if self.has_playlist(new.id).await? {
            return Ok(false);
        }
        if self.is_gone(new.owner_id).await? {
            return Err(Error::NotFound { what: "account" });
        }
        let entry = |&(id, track_id)| NewEntry { id, track_id, added_at: new.created_at };
        let entries: Vec<NewEntry> = new.entries.iter().map(entry).collect();
        let playlist = Playlist {
            id: new.id,
            owner_id: new.owner_id,
            title: new.title,
            description: new.description,
            visibility: new.visibility,
            entry_count: u32::try_from(entries.len()).unwrap_or(u32::MAX),
            created_at: new.created_at,
            updated_at: new.updated_at,
            version: 1,
        };
        self.inner.parts.store.create_playlist(&playlist, &entries).await?;
        Ok(true)
    }

    /// Which of these tracks there are, in whatever status.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn existing_tracks(&self, ids: &[TrackId]) -> Result<HashSet<TrackId>, Error> {
        let known = self.inner.parts.store.tracks_by_id(ids).await?;
        Ok(known.into_iter().map(|track| track.id).collect())
    }

    /// Whether there is a playlist with this id.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn has_playlist(&self, id: PlaylistId) -> Result<bool, Error> {
        Ok(self.inner.parts.store.playlist(id).await?.is_some())
    }
}
