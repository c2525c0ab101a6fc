use super::position;
use crate::Error;
use crate::model::page::encode_cursor;
use crate::model::search::query_words;
use crate::model::{AccountId, Artist, ArtistId, ArtistName, ArtistSummary, Caller, PageSize, Timestamp};
use crate::service::Catalog;
use crate::service::catalog::{Listing, TrackQuery, TrackView};

const NOT_FOUND: Error = Error::NotFound { what: "artist" };

/// An artist, as the caller sees it.
#[derive(Clone, Debug)]
pub struct ArtistView {
    /// The artist with what is counted.
    pub summary: ArtistSummary,
    /// Whether the caller follows the artist.
    pub followed: bool,
}

impl Catalog {
    /// One artist.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn artist(&self, caller: &Caller, id: ArtistId) -> Result<ArtistView, Error> {
        self.make_known(caller, id).await?;
        let library = &self.inner.parts.library;
        let summary = library.artist_summary(id).await?.ok_or(NOT_FOUND)?;
        let followed = library.followed_among(caller.account_id, &[id]).await?.contains(&id);
        Ok(ArtistView { summary, followed })
    }

    /// A page of the artists whose names match the query, the one with the most followers first.
    ///
    /// # Errors
    /// `invalid_cursor`.
    pub async fn list_artists(
        &self,
        caller: &Caller,
        q: Option<&str>,
        limit: PageSize,
        cursor: Option<&str>,
    ) -> Result<Listing<ArtistView>, Error> {
        let (library, after) = (&self.inner.parts.library, position(cursor)?);
        let words = q.map(query_words).unwrap_or_default();
        let page = library.list_artists(&words, limit, after.as_ref()).await?;
        let next_cursor = page.next.as_ref().map(encode_cursor);
        let ids: Vec<ArtistId> = page.items.iter().map(|summary| summary.artist.id).collect();
        let followed = library.followed_among(caller.account_id, &ids).await?;
        let view = |summary: ArtistSummary| {
            let followed = followed.contains(&summary.artist.id);
            ArtistView { summary, followed }
        };
        Ok(Listing { items: page.items.into_iter().map(view).collect(), next_cursor })
    }

    /// A page of an artist's tracks, newest first; of the caller's own all.
    ///
    /// # Errors
    /// [`Error::NotFound`], `invalid_cursor`.
    pub async fn artist_tracks(
        &self,
        caller: &Caller,
        id: ArtistId,
        limit: PageSize,
        cursor: Option<String>,
    ) -> Result<Listing<TrackView>, Error> {
        self.make_known(caller, id).await?;
        self.inner.parts.store.artist(id).await?.ok_or(NOT_FOUND)?;
        let query = TrackQuery { artist_id: Some(id), limit, cursor, ..TrackQuery::default() };
        self.list_tracks(caller, query).await
    }

    /// Stores the caller's own profile, if it is this one and not there yet: what the access token says
    /// is enough to be found, before the first upload.
    pub(in crate::service::catalog) async fn make_known(
        &self,
        caller: &Caller,
        id: ArtistId,
    ) -> Result<(), Error> {
        let store = &self.inner.parts.store;
        if caller.artist_id != Some(id) || store.artist(id).await?.is_some() {
            return Ok(());
        }
        self.admit(caller).await?;
        Ok(store.upsert_artist(&self.profile(caller, id)?).await?)
    }

    /// What the access token says of the caller's own profile. How old that is nobody knows: every name
    /// that is stored already counts as later.
    pub(in crate::service::catalog) fn profile(
        &self,
        caller: &Caller,
        id: ArtistId,
    ) -> Result<Artist, Error> {
        let name = ArtistName::parse(&caller.name).map_err(Error::internal)?;
        let created_at = self.inner.context.now();
        Ok(Artist { id, account_id: caller.account_id, name, named_at: Timestamp::UNIX_EPOCH, created_at })
    }

    /// What an event of the auth service says of an artist's name. An older one than is known is passed
    /// over: events come in any order.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn artist_is_called(
        &self,
        account_id: AccountId,
        profile: Option<(ArtistId, ArtistName)>,
        at: Timestamp,
    ) -> Result<(), Error> {
        let Some((id, name)) = profile else { return Ok(()) };
        // An old event may be tried again after the account has gone.
        if self.is_gone(account_id).await? {
            return Ok(());
        }
        let artist = Artist { id, account_id, name, named_at: at, created_at: at };
        Ok(self.inner.parts.store.upsert_artist(&artist).await?)
    }
}
