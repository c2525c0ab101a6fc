//! Playlists: made, read, changed and deleted.

use std::collections::HashMap;

use super::{Catalog, EntryView, Listing};
use crate::Error;
use crate::model::page::{decode_cursor, encode_cursor};
use crate::model::playlist::NewEntry;
use crate::model::{
    Caller, Description, EntryId, FieldError, Invalid, PageSize, Playlist, PlaylistChange, PlaylistId, Title,
    Track, TrackId, Visibility,
};
use crate::port::EntryPosition;

/// The most tracks that one request adds.
const MAX_TRACKS_PER_REQUEST: usize = 100;

/// What a playlist is made from.
#[derive(Clone, Debug)]
pub struct NewPlaylist {
    /// Title.
    pub title: Title,
    /// What it is about; may be empty.
    pub description: Description,
    /// Who may see it.
    pub visibility: Visibility,
    /// Its first tracks, in order.
    pub track_ids: Vec<TrackId>,
}

/// A playlist with its first entries: as many as a page may have.
#[derive(Clone, Debug)]
pub struct PlaylistView {
    /// The playlist.
    pub playlist: Playlist,
    /// The first of its entries in order, and where the rest begins.
    pub entries: Listing<EntryView>,
}

impl Catalog {
    /// Makes a playlist.
    ///
    /// # Errors
    /// `unknown_track` at the tracks that the caller may not know of; `too_many`.
    pub async fn create_playlist(&self, caller: &Caller, new: NewPlaylist) -> Result<PlaylistView, Error> {
        self.admit(caller).await?;
        let entries = self.new_entries(caller, &new.track_ids).await?;
        let now = self.inner.context.now();
        let playlist = Playlist {
            id: self.inner.context.new_id(),
            owner_id: caller.account_id,
            title: new.title,
            description: new.description,
            visibility: new.visibility,
            entry_count: u32::try_from(entries.len()).unwrap_or(u32::MAX),
            created_at: now,
            updated_at: now,
            version: 1,
        };
        self.inner.parts.store.create_playlist(&playlist, &entries).await?;
        self.playlist_view(caller, playlist).await
    }

    /// One playlist with its first entries.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none that the caller may know of.
    pub async fn playlist(&self, caller: &Caller, id: PlaylistId) -> Result<PlaylistView, Error> {
        let Some(known) = self.inner.parts.store.for_listener() else {
            let playlist = self.visible_playlist(caller, id).await?;
            return self.playlist_view(caller, playlist).await;
        };
        let found = known.playlist_for(caller.account_id, id, PageSize::MAX).await?;
        let found = found.filter(|found| found.playlist.is_visible_to(caller.account_id));
        let found = found.ok_or(Error::NotFound { what: "playlist" })?;
        let entries = self.known_entries(caller, found.entries, &found.liked).await?;
        Ok(PlaylistView { playlist: found.playlist, entries })
    }

    /// A page of the caller's own playlists, newest first.
    ///
    /// # Errors
    /// `invalid_cursor`.
    pub async fn list_playlists(
        &self,
        caller: &Caller,
        limit: PageSize,
        cursor: Option<&str>,
    ) -> Result<Listing<Playlist>, Error> {
        let after = cursor.map(decode_cursor).transpose().map_err(|why| Error::invalid("/cursor", why))?;
        let page = self.inner.parts.store.list_playlists(caller.account_id, limit, after.as_ref()).await?;
        Ok(Listing { next_cursor: page.next.as_ref().map(encode_cursor), items: page.items })
    }

    /// Changes what one of the caller's playlists says of itself.
    ///
    /// # Errors
    /// [`Error::NotFound`], `not_owner`, and [`Error::StaleVersion`] if `expected` is not its version.
    pub async fn update_playlist(
        &self,
        caller: &Caller,
        id: PlaylistId,
        expected: Option<u64>,
        change: PlaylistChange,
    ) -> Result<PlaylistView, Error> {
        self.own_playlist(caller, id).await?;
        let now = self.inner.context.now();
        let playlist = self.inner.parts.store.update_playlist(id, expected, &change, now).await?;
        self.playlist_view(caller, playlist).await
    }

    /// Deletes one of the caller's playlists.
    ///
    /// # Errors
    /// [`Error::NotFound`], `not_owner`, and [`Error::StaleVersion`] if `expected` is not its version.
    pub async fn delete_playlist(
        &self,
        caller: &Caller,
        id: PlaylistId,
        expected: Option<u64>,
    ) -> Result<(), Error> {
        self.own_playlist(caller, id).await?;
        Ok(self.inner.parts.store.delete_playlist(id, expected).await?)
    }

    /// Puts tracks into one of the caller's playlists.
    ///
    /// # Errors
    /// [`Error::NotFound`], `not_owner`, `unknown_track`, `too_many`, `playlist_full`, and
    /// [`Error::StaleVersion`] if `expected` is not its version.
    pub async fn add_tracks(
        &self,
        caller: &Caller,
        id: PlaylistId,
        expected: Option<u64>,
        track_ids: &[TrackId],
        position: EntryPosition,
    ) -> Result<PlaylistView, Error> {
        self.own_playlist(caller, id).await?;
        if track_ids.is_empty() {
            return Err(Error::invalid("/track_ids", Invalid::new("required", "Name at least one track.")));
        }
        let entries = self.new_entries(caller, track_ids).await?;
        let now = self.inner.context.now();
        let playlist = self.inner.parts.store.add_entries(id, expected, &entries, position, now).await?;
        self.playlist_view(caller, playlist).await
    }

    /// Gives an entry of one of the caller's playlists another place: afterwards it stands at
    /// `index`, counted from 0, or at the end if there are not so many.
    ///
    /// # Errors
    /// [`Error::NotFound`], `not_owner`, and [`Error::StaleVersion`] if `expected` is not its version.
    pub async fn move_entry(
        &self,
        caller: &Caller,
        id: PlaylistId,
        expected: Option<u64>,
        entry: EntryId,
        index: u32,
    ) -> Result<PlaylistView, Error> {
        self.own_playlist(caller, id).await?;
        let now = self.inner.context.now();
        let playlist = self.inner.parts.store.move_entry(id, expected, entry, index, now).await?;
        self.playlist_view(caller, playlist).await
    }

    /// Takes one entry out of one of the caller's playlists.
    ///
    /// # Errors
    /// [`Error::NotFound`], `not_owner`, and [`Error::StaleVersion`] if `expected` is not its version.
    pub async fn remove_entry(
        &self,
        caller: &Caller,
        id: PlaylistId,
        expected: Option<u64>,
        entry: EntryId,
    ) -> Result<PlaylistView, Error> {
        self.own_playlist(caller, id).await?;
        let now = self.inner.context.now();
        let playlist = self.inner.parts.store.remove_entry(id, expected, entry, now).await?;
        self.playlist_view(caller, playlist).await
    }

    pub(super) async fn visible_playlist(&self, caller: &Caller, id: PlaylistId) -> Result<Playlist, Error> {
        let playlist = self.inner.parts.store.playlist(id).await?;
        let visible = playlist.filter(|playlist| playlist.is_visible_to(caller.account_id));
        visible.ok_or(Error::NotFound { what: "playlist" })
    }

    async fn own_playlist(&self, caller: &Caller, id: PlaylistId) -> Result<(), Error> {
        self.admit(caller).await?;
        let playlist = self.visible_playlist(caller, id).await?;
        if playlist.owner_id == caller.account_id {
            return Ok(());
        }
        Err(Error::Forbidden { code: "not_owner", message: "This playlist is somebody else's." })
    }

    async fn new_entries(&self, caller: &Caller, ids: &[TrackId]) -> Result<Vec<NewEntry>, Error> {
        if ids.len() > MAX_TRACKS_PER_REQUEST {
            let message = format!("At most {MAX_TRACKS_PER_REQUEST} tracks at once.");
            return Err(Error::invalid("/track_ids", Invalid::new("too_many", message)));
        }
        let known = self.inner.parts.store.tracks_by_id(ids).await?;
        let known: HashMap<TrackId, &Track> = known.iter().map(|track| (track.id, track)).collect();
        let visible = |id: &TrackId| known.get(id).is_some_and(|track| track.is_visible_to(caller.artist_id));
        let unknown: Vec<FieldError> =
            (0..ids.len()).filter(|i| !visible(&ids[*i])).map(unknown_track).collect();
        if !unknown.is_empty() {
            return Err(Error::Invalid(unknown));
        }
        let context = &self.inner.context;
        let added_at = context.now();
        Ok(ids.iter().map(|id| NewEntry { id: context.new_id(), track_id: *id, added_at }).collect())
    }

    async fn playlist_view(&self, caller: &Caller, playlist: Playlist) -> Result<PlaylistView, Error> {
        let entries = self.entries(caller, playlist.id, PageSize::MAX, None).await?;
        Ok(PlaylistView { playlist, entries })
    }
}

fn unknown_track(index: usize) -> FieldError {
    Invalid::new("unknown_track", "There is no such track.").at(format!("/track_ids/{index}"))
}
