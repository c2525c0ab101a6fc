use jiff::Timestamp;

use super::{Catalog, Listing, TrackView};
use crate::Error;
use crate::model::page::{decode_cursor, encode_cursor};
use crate::model::{Caller, EntryId, PageSize, PlaylistEntry, PlaylistId};
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
        let mut places = Vec::with_capacity(page.items.len());
        let mut tracks = Vec::with_capacity(page.items.len());
        for PlaylistEntry { id, track, added_at } in page.items {
            let known = track.is_visible_to(caller.artist_id);
            places.push((id, added_at, known));
            tracks.extend(known.then_some(track));
        }
        let mut tracks = self.views(caller, tracks).await?.into_iter();
        let entry = |(id, added_at, known)| EntryView {
            id,
            added_at,
            track: if known { tracks.next() } else { None },
        };
        let items = places.into_iter().map(entry).collect();
        Ok(Listing { items, next_cursor: page.next.as_ref().map(encode_cursor) })
    }
}
