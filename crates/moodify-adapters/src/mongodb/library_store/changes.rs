use mongodb::bson::doc;
use moodify_core::model::{AccountId, Kept, LibraryChange, LibraryItem, PageSize};
use moodify_core::port::{ChangePage, LibraryError};

use crate::mongodb::MongoStore;
use crate::mongodb::error::Fault;
use crate::mongodb::feed::{CHANGES, LIBRARIES};
use crate::mongodb::row::{Key, Row, number};
use crate::mongodb::step::Find;

pub(super) async fn behind(
    store: &MongoStore,
    account: AccountId,
    since: u64,
    size: PageSize,
) -> Result<ChangePage, LibraryError> {
    let mut step = store.database.plain();
    let behind = doc! { "account_id": account.key(), "place": { "$gt": number(since) } };
    let query = Find::new(CHANGES, behind).sort(doc! { "place": 1 }).limit(size.get() + 1);
    let mut rows = step.find(query).await?;
    if rows.is_empty() && since > 0 {
        let library = step.find_one(LIBRARIES, doc! { "_id": account.key() }).await?;
        let last: u64 = library.map_or(Ok(0), |row| row.unsigned("last_change"))?;
        if since > last {
            return Err(LibraryError::NoSuchPlace);
        }
    }
    let more = rows.len() > size.get();
    rows.truncate(size.get());
    let until = rows.last().map_or(Ok(since), |row| row.unsigned("place"))?;
    Ok(ChangePage { changes: rows.iter().map(change).collect::<Result<_, _>>()?, until, more })
}

fn change(row: &Row) -> Result<LibraryChange, Fault> {
    let item = match row.text("kind")? {
        "like" => LibraryItem::Like(row.id("thing_id")?),
        "follow" => LibraryItem::Follow(row.id("thing_id")?),
        "playlist" => LibraryItem::Playlist(row.id("thing_id")?),
        _ => return Err(Fault::stored("kind")),
    };
    let kept = match row.optional_time("kept_at")? {
        Some(at) => {
            let version = row.optional_int("version")?.map(|_| row.unsigned("version")).transpose()?;
            Some(Kept { at, version })
        }
        None => None,
    };
    Ok(LibraryChange { item, kept })
}
