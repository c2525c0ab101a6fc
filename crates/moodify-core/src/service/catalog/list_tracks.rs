use super::{Catalog, Listing, TrackView};
use crate::Error;
use crate::model::page::{decode_cursor, encode_cursor};
use crate::model::search::query_words;
use crate::model::{ArtistId, Caller, Genre, PageSize, TrackFilter, TrackSort};
use crate::port::TrackPosition;

/// Which tracks somebody wants to see.
#[derive(Clone, Debug, Default)]
pub struct TrackQuery {
    /// Words to search for.
    pub q: Option<String>,
    /// Only this artist's.
    pub artist_id: Option<ArtistId>,
    /// Only this genre.
    pub genre: Option<Genre>,
    /// The order. Default: most plays first for a search, newest first otherwise.
    pub sort: Option<TrackSort>,
    /// How many at most.
    pub limit: PageSize,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

impl Catalog {
    /// A page of the tracks that everybody may find; of the caller's own tracks all, when
    /// `artist_id` is the caller's.
    ///
    /// # Errors
    /// `invalid_cursor` for a cursor that is not from a list in this order.
    pub async fn list_tracks(&self, caller: &Caller, query: TrackQuery) -> Result<Listing<TrackView>, Error> {
        let words = query.q.as_deref().map(query_words).unwrap_or_default();
        let default = if words.is_empty() { TrackSort::Newest } else { TrackSort::Popular };
        let filter = TrackFilter {
            words,
            artist_id: query.artist_id,
            genre: query.genre,
            viewer: query.artist_id.filter(|id| caller.artist_id == Some(*id)),
            sort: query.sort.unwrap_or(default),
        };
        let after = query.cursor.as_deref().map(|cursor| position(cursor, filter.sort)).transpose()?;
        let store = &self.inner.parts.store;
        let (limit, after) = (query.limit, after.as_ref());
        let (items, next) = match store.for_listener() {
            Some(known) => {
                let (page, liked) = known.list_tracks_for(caller.account_id, &filter, limit, after).await?;
                (self.all_linked(page.items, &liked).await?, page.next)
            }
            None => {
                let page = store.list_tracks(&filter, limit, after).await?;
                (self.views(caller, page.items).await?, page.next)
            }
        };
        Ok(Listing { items, next_cursor: next.as_ref().map(encode_cursor) })
    }
}

fn position(cursor: &str, sort: TrackSort) -> Result<TrackPosition, Error> {
    let position = decode_cursor(cursor).map_err(|why| Error::invalid("/cursor", why))?;
    match (sort, &position) {
        (TrackSort::Newest, TrackPosition::Newest { .. })
        | (TrackSort::Popular, TrackPosition::Popular { .. })
        | (TrackSort::Title, TrackPosition::Title { .. }) => Ok(position),
        _ => Err(Error::invalid("/cursor", crate::model::page::foreign_cursor())),
    }
}
