use std::collections::HashSet;

use jiff::Timestamp;

use super::{Catalog, Listing, TrackView};
use crate::Error;
use crate::model::page::{decode_cursor, encode_cursor};
use crate::model::{Caller, EntryId, Page, PageSize, PlaylistEntry, PlaylistId, Track, TrackId};
use crate::port::EntryPlace;

/// One place in a playlist.
#[derive(Clone, Debug)]
pub struct EntryView {
    /// Identifier.
    pub id: EntryId,
    /// When it was added.
    pub added_at: Timestamp,
    /// The track that stands here; `None` when the caller may not know of it (any more). The place
    /// stays, so that everybody counts the same places and the owner can clear it.
    pub track: Option<TrackView>,
}

impl Catalog {
    /// A page of the entries of a playlist, in their order.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none that the caller may know of; `invalid_cursor`.
    pub async fn playlist_entries(
        &self,
        caller: &Caller,
        id: PlaylistId,
        limit: PageSize,
        cursor: Option<&str>,
    ) -> Result<Listing<EntryView>, Error> {
        self.visible_playlist(caller, id).await?;
        let after = cursor.map(decode_cursor).transpose().map_err(|why| Error::invalid("/cursor", why))?;
        self.entries(caller, id, limit, after.as_ref()).await
    }

    pub(super) async fn entries(
        &self,
        caller: &Caller,
        id: PlaylistId,
        limit: PageSize,
        after: Option<&EntryPlace>,
    ) -> Result<Listing<EntryView>, Error> {
        let page = self.inner.parts.store.playlist_entries(id, limit, after).await?;
        let (places, tracks) = told_apart(caller, page.items);
        let tracks = self.views(caller, tracks).await?;
        Ok(Listing { items: entries(places, tracks), next_cursor: page.next.as_ref().map(encode_cursor) })
    }

    /// The same of entries that were read, whose tracks are liked if they are among these.
    pub(super) async fn known_entries(
        &self,
        caller: &Caller,
        page: Page<PlaylistEntry, EntryPlace>,
        liked: &HashSet<TrackId>,
    ) -> Result<Listing<EntryView>, Error> {
        let (places, tracks) = told_apart(caller, page.items);
        let tracks = self.all_linked(tracks, liked).await?;
        Ok(Listing { items: entries(places, tracks), next_cursor: page.next.as_ref().map(encode_cursor) })
    }
}

/// A place, and whether the caller may know of the track that stands there.
type Place = (EntryId, Timestamp, bool);

/// All places, and the tracks that the caller may know of.
fn told_apart(caller: &Caller, entries: Vec<PlaylistEntry>) -> (Vec<Place>, Vec<Track>) {
    let mut places = Vec::with_capacity(entries.len());
    let mut tracks = Vec::with_capacity(entries.len());
    for PlaylistEntry { id, track, added_at } in entries {
        let known = track.is_visible_to(caller.artist_id);
        places.push((id, added_at, known));
        tracks.extend(known.then_some(track));
    }
    (places, tracks)
}

fn entries(places: Vec<Place>, tracks: Vec<TrackView>) -> Vec<EntryView> {
    let mut tracks = tracks.into_iter();
    let entry =
        |(id, added_at, known)| EntryView { id, added_at, track: if known { tracks.next() } else { None } };
    places.into_iter().map(entry).collect()
}
