use moodify_core::model::{AccountId, Kept, LibraryChange, LibraryItem, PageSize};
use moodify_core::port::{ChangePage, LibraryError};

use crate::sql::SqlStore;
use crate::sql::database::{Row, Statement};
use crate::sql::error::Fault;

pub(super) async fn behind(
    store: &SqlStore,
    account: AccountId,
    since: u64,
    size: PageSize,
) -> Result<ChangePage, LibraryError> {
    let query = Statement::new(
        "SELECT kind, thing_id, place, kept_at, version FROM library_changes
         WHERE account_id = $1 AND place > $2 ORDER BY place LIMIT $3",
    );
    let mut rows = store.database.all(query.bind(account).bind(since).bind(size.get() + 1)).await?;
    if rows.is_empty() && since > 0 {
        let last = Statement::new("SELECT last_change FROM libraries WHERE account_id = $1");
        let last = store.database.optional(last.bind(account)).await?;
        let last: u64 = last.map_or(Ok(0), |row| row.unsigned("last_change"))?;
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
    let item = match row.text("kind")?.as_str() {
        "like" => LibraryItem::Like(row.id("thing_id")?),
        "follow" => LibraryItem::Follow(row.id("thing_id")?),
        "playlist" => LibraryItem::Playlist(row.id("thing_id")?),
        _ => return Err(Fault::stored("kind")),
    };
    let kept = match row.optional_int("kept_at")? {
        Some(_) => {
            let version = row.optional_int("version")?.map(|_| row.unsigned("version")).transpose()?;
            Some(Kept { at: row.time("kept_at")?, version })
        }
        None => None,
    };
    Ok(LibraryChange { item, kept })
}
