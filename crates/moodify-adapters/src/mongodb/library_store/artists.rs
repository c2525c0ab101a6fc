use std::collections::HashMap;

use mongodb::bson::{Document, doc};
use moodify_core::model::{ArtistId, ArtistSummary, Page, PageSize};
use moodify_core::port::{ArtistPosition, LibraryError};

use crate::mongodb::catalog_store::artists::{COLLECTION, artist};
use crate::mongodb::catalog_store::tracks;
use crate::mongodb::error::Fault;
use crate::mongodb::row::{Key, Row, keys, number};
use crate::mongodb::step::{Find, Step};
use crate::mongodb::{MongoStore, search};

pub(super) async fn find(store: &MongoStore, id: ArtistId) -> Result<Option<ArtistSummary>, LibraryError> {
    let mut step = store.database.plain();
    let row = step.find_one(COLLECTION, doc! { "_id": id.key() }).await?;
    Ok(summaries(&mut step, row.as_slice()).await?.pop())
}

pub(super) async fn page(
    store: &MongoStore,
    words: &[String],
    size: PageSize,
    after: Option<&ArtistPosition>,
) -> Result<Page<ArtistSummary, ArtistPosition>, LibraryError> {
    let mut step = store.database.plain();
    let rows = step.find(query(words, size, after)).await?;
    let found = summaries(&mut step, &rows).await?;
    Ok(Page::from_surplus(found, size, |summary: &ArtistSummary| ArtistPosition {
        follower_count: summary.follower_count,
        id: summary.artist.id,
    }))
}

fn query(words: &[String], size: PageSize, after: Option<&ArtistPosition>) -> Find {
    let mut filter = Document::new();
    search::add(&mut filter, words);
    if let Some(after) = after {
        let followers = ("follower_count", number(after.follower_count));
        search::behind(&mut filter, "$lt", followers, ("_id", after.id.key()));
    }
    Find::new(COLLECTION, filter).sort(doc! { "follower_count": -1, "_id": -1 }).limit(size.get() + 1)
}

/// These artists, in this order, with what is counted: in one query for all of them.
pub(super) async fn summaries(step: &mut Step<'_>, rows: &[Row]) -> Result<Vec<ArtistSummary>, Fault> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = rows.iter().map(|row| row.id("_id")).collect::<Result<Vec<ArtistId>, _>>()?;
    let count = vec![
        doc! { "$match": { "artist_id": { "$in": keys(&ids) }, "listed": true } },
        doc! { "$group": { "_id": "$artist_id", "tracks": { "$sum": 1 } } },
    ];
    let mut counted = HashMap::new();
    for row in step.aggregate(tracks::COLLECTION, count).await? {
        counted.insert(row.id::<ArtistId>("_id")?, row.unsigned("tracks")?);
    }
    let summary = |row: &Row| {
        let artist = artist(row)?;
        let track_count = counted.get(&artist.id).copied().unwrap_or(0);
        Ok(ArtistSummary { artist, follower_count: row.unsigned("follower_count")?, track_count })
    };
    rows.iter().map(summary).collect()
}
