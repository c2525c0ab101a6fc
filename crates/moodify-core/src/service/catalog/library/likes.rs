use super::position;
use crate::Error;
use crate::model::page::encode_cursor;
use crate::model::{Caller, PageSize, TrackId};
use crate::service::Catalog;
use crate::service::catalog::{Listing, TrackView};

impl Catalog {
    /// Notes that the caller likes a track. Doing it twice is no error.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none that the caller may know of.
    pub async fn like(&self, caller: &Caller, id: TrackId) -> Result<(), Error> {
        self.admit(caller).await?;
        self.visible_track(caller, id).await?;
        self.inner.parts.library.like(caller.account_id, id, self.inner.context.now()).await?;
        Ok(())
    }

    /// Takes a like back. Doing it twice is no error; nor is it one for a track that is not to be seen
    /// any more, if the caller liked it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none that the caller may know of.
    pub async fn unlike(&self, caller: &Caller, id: TrackId) -> Result<(), Error> {
        self.admit(caller).await?;
        if !self.inner.parts.library.unlike(caller.account_id, id).await? {
            self.visible_track(caller, id).await?;
        }
        Ok(())
    }

    /// A page of the tracks that the caller likes, the newest like first, without those that the caller
    /// may not know of any more.
    ///
    /// # Errors
    /// `invalid_cursor`.
    pub async fn likes(
        &self,
        caller: &Caller,
        limit: PageSize,
        cursor: Option<&str>,
    ) -> Result<Listing<TrackView>, Error> {
        let (library, after) = (&self.inner.parts.library, position(cursor)?);
        let page = library.liked_tracks(caller.account_id, caller.artist_id, limit, after.as_ref()).await?;
        let next_cursor = page.next.as_ref().map(encode_cursor);
        let mut items = Vec::with_capacity(page.items.len());
        for like in page.items {
            items.push(self.linked(like.track, true).await?);
        }
        Ok(Listing { items, next_cursor })
    }
}
