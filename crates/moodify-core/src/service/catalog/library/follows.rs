use super::artists::ArtistView;
use super::position;
use crate::Error;
use crate::model::event::{ArtistFollowed, ArtistUnfollowed};
use crate::model::page::encode_cursor;
use crate::model::{ArtistId, Caller, EventPayload, PageSize};
use crate::service::Catalog;
use crate::service::catalog::Listing;

impl Catalog {
    /// Notes that the caller follows an artist. Doing it twice is no error.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn follow(&self, caller: &Caller, id: ArtistId) -> Result<(), Error> {
        let (context, account_id) = (&self.inner.context, caller.account_id);
        let now = context.now();
        let payload = EventPayload::ArtistFollowed(ArtistFollowed { account_id, artist_id: id });
        let event = context.event(payload);
        self.admit(caller).await?;
        self.make_known(caller, id).await?;
        self.inner.parts.library.follow(account_id, id, now, &[event]).await?;
        Ok(())
    }

    /// Takes a follow back. Doing it twice is no error.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn unfollow(&self, caller: &Caller, id: ArtistId) -> Result<(), Error> {
        let (context, account_id) = (&self.inner.context, caller.account_id);
        let now = context.now();
        let payload = EventPayload::ArtistUnfollowed(ArtistUnfollowed { account_id, artist_id: id });
        let event = context.event(payload);
        self.admit(caller).await?;
        if !self.inner.parts.library.unfollow(account_id, id, now, &[event]).await? {
            self.artist(caller, id).await?;
        }
        Ok(())
    }

    /// A page of the artists whom the caller follows, the newest follow first.
    ///
    /// # Errors
    /// `invalid_cursor`.
    pub async fn follows(
        &self,
        caller: &Caller,
        limit: PageSize,
        cursor: Option<&str>,
    ) -> Result<Listing<ArtistView>, Error> {
        let (library, after) = (&self.inner.parts.library, position(cursor)?);
        let page = library.followed_artists(caller.account_id, limit, after.as_ref()).await?;
        let next_cursor = page.next.as_ref().map(encode_cursor);
        let view = |summary| ArtistView { summary, followed: true };
        Ok(Listing {
            items: page.items.into_iter().map(|follow| view(follow.summary)).collect(),
            next_cursor,
        })
    }
}
