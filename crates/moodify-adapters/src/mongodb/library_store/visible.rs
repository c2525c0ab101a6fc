//! Lists of tracks that a listener has something to do with.

use std::collections::HashMap;

use mongodb::bson::Document;
use moodify_core::model::{ArtistId, Page, PageSize, Track, TrackId};

use crate::mongodb::MongoStore;
use crate::mongodb::catalog_store::tracks;
use crate::mongodb::error::Fault;
use crate::mongodb::row::Row;
use crate::mongodb::search;
use crate::mongodb::step::Find;

/// A list that is sorted by a moment, the latest first, and where that is the same by an identifier.
pub(super) struct List {
    pub(super) collection: &'static str,
    pub(super) filter: Document,
    pub(super) moment: &'static str,
    pub(super) id: &'static str,
}

/// A place in such a list.
pub(super) type Place = (i64, mongodb::bson::Bson);

impl List {
    /// The query for some items behind a place.
    pub(super) fn behind(&self, place: Option<Place>, count: usize) -> Find {
        let mut filter = self.filter.clone();
        if let Some((moment, id)) = place {
            search::behind(&mut filter, "$lt", (self.moment, moment), (self.id, id));
        }
        let mut sort = Document::new();
        sort.insert(self.moment, -1);
        sort.insert(self.id, -1);
        Find::new(self.collection, filter).sort(sort).limit(count)
    }

    fn place(&self, row: &Row) -> Result<Place, Fault> {
        let id = row.0.get(self.id).cloned().ok_or_else(|| Fault::stored(self.id))?;
        Ok((row.int(self.moment)?, id))
    }

    /// A page of the items whose tracks this artist, or somebody who is none, may know of. Reads on where
    /// others are left out.
    pub(super) async fn page<T, C>(
        &self,
        store: &MongoStore,
        viewer: Option<ArtistId>,
        size: PageSize,
        after: Option<Place>,
        item: impl Fn(&Row, Track) -> Result<T, Fault>,
        position: impl Fn(&T) -> C,
    ) -> Result<Page<T, C>, Fault> {
        let (mut step, mut after, wanted) = (store.database.plain(), after, size.get() + 1);
        let mut items = Vec::new();
        loop {
            let rows = step.find(self.behind(after, wanted)).await?;
            let ids = rows.iter().map(|row| row.id("track_id")).collect::<Result<Vec<TrackId>, _>>()?;
            let known = tracks::find_all(&mut step, &ids).await?;
            let known: HashMap<TrackId, Track> = known.into_iter().map(|track| (track.id, track)).collect();
            for (row, track) in rows.iter().zip(&ids) {
                if let Some(track) = known.get(track).filter(|track| track.is_visible_to(viewer)) {
                    items.push(item(row, track.clone())?);
                }
            }
            let Some(last) = rows.last().filter(|_| rows.len() == wanted && items.len() < wanted) else {
                return Ok(Page::from_surplus(items, size, position));
            };
            after = Some(self.place(last)?);
        }
    }
}
