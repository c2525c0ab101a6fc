use serde::{Deserialize, Serialize};

use crate::Error;
use crate::model::page::{decode_cursor, encode_cursor};
use crate::model::{Caller, LibraryChange, PageSize};
use crate::service::Catalog;

/// Part of what changed in a library.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The changes, in order.
    pub items: Vec<LibraryChange>,
    /// Where the next reading begins: now, if there are more, else whenever something may have changed.
    pub next_cursor: String,
    /// Whether there are more.
    pub has_more: bool,
}

/// A place in a feed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeedPosition {
    place: u64,
}

impl Catalog {
    /// What changed in the caller's library since the place that a cursor stands for; without one,
    /// everything. Whoever reads until there are no more has the library as it is.
    ///
    /// # Errors
    /// `invalid_cursor`: begin anew, without one.
    pub async fn changes(
        &self,
        caller: &Caller,
        limit: PageSize,
        since: Option<&str>,
    ) -> Result<Changes, Error> {
        let since = since.map(decode_cursor).transpose().map_err(|why| Error::invalid("/since", why))?;
        let place = since.map_or(0, |position: FeedPosition| position.place);
        let page = self.inner.parts.library.changes(caller.account_id, place, limit).await?;
        let next_cursor = encode_cursor(&FeedPosition { place: page.until });
        Ok(Changes { items: page.changes, next_cursor, has_more: page.more })
    }
}
