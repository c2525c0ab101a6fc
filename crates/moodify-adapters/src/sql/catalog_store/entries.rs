use jiff::Timestamp;
use moodify_core::model::playlist::NewEntry;
use moodify_core::model::{EntryId, Page, PageSize, Playlist, PlaylistEntry, PlaylistId, Rank};
use moodify_core::port::{CatalogError, EntryPlace, EntryPosition};

use super::ranks::{self, Slot};
use super::{playlists, tracks};
use crate::sql::database::{Row, Statement, Transaction};
use crate::sql::error::Fault;
use crate::sql::{SqlStore, feed};

/// How many entries one statement inserts: each binds five values, and SQLite takes 32,766.
const AT_ONCE: usize = 1000;

pub(super) async fn page(
    store: &SqlStore,
    id: PlaylistId,
    size: PageSize,
    after: Option<&EntryPlace>,
) -> Result<Page<PlaylistEntry, EntryPlace>, CatalogError> {
    let rows = store.database.all(select(id, size, after)).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let ranking = row.unsigned("ranking")?;
        if after.is_some_and(|after| after.ranking != ranking) {
            return Err(CatalogError::PlaceLost);
        }
        // A playlist without entries (from there on) is a row without an entry.
        if row.optional_id::<EntryId>("entry_id")?.is_some() {
            found.push((EntryPlace { ranking, rank: row.checked("rank")? }, entry(row)?));
        }
    }
    let page = Page::from_surplus(found, size, |(place, _)| place.clone());
    Ok(Page { items: page.items.into_iter().map(|(_, entry)| entry).collect(), next: page.next })
}

/// One statement, so that the ranks and what they are worth are of the same moment.
fn select(id: PlaylistId, size: PageSize, after: Option<&EntryPlace>) -> Statement {
    let mut query = Statement::new("SELECT p.ranking, e.rank, e.id AS entry_id, e.added_at, ");
    query
        .push(tracks::COLUMNS)
        .push(" FROM playlists AS p LEFT JOIN playlist_entries AS e ON e.playlist_id = p.id");
    if let Some(after) = after {
        query.push(" AND e.rank > ").push_bind(after.rank.as_str());
    }
    query.push(" LEFT JOIN tracks AS t ON t.id = e.track_id WHERE p.id = ").push_bind(id);
    query.push(" ORDER BY e.rank LIMIT ").push_bind(size.get() + 1);
    query
}

pub(super) async fn add(
    store: &SqlStore,
    id: PlaylistId,
    expected: Option<u64>,
    entries: &[NewEntry],
    position: EntryPosition,
    now: Timestamp,
) -> Result<Playlist, CatalogError> {
    let mut transaction = store.database.begin().await?;
    hold_tracks(&mut transaction, entries).await?;
    let added = i64::try_from(entries.len()).unwrap_or(i64::MAX);
    let changed = change(&mut transaction, id, expected, added, now).await?;
    if usize::try_from(changed.entry_count).is_ok_and(|count| count > Playlist::MAX_ENTRIES) {
        return Err(CatalogError::Full);
    }
    let slot = Slot { playlist: id, position, without: None };
    let ranks = ranks::free(&mut transaction, slot, entries.len()).await?;
    insert(&mut transaction, id, entries, &ranks).await?;
    transaction.commit().await?;
    Ok(changed)
}

pub(super) async fn move_to(
    store: &SqlStore,
    id: PlaylistId,
    expected: Option<u64>,
    entry: EntryId,
    index: u32,
    now: Timestamp,
) -> Result<Playlist, CatalogError> {
    let mut transaction = store.database.begin().await?;
    let changed = change(&mut transaction, id, expected, 0, now).await?;
    let slot = Slot { playlist: id, position: EntryPosition::At(index), without: Some(entry) };
    let ranks = ranks::free(&mut transaction, slot, 1).await?;
    let update = Statement::new("UPDATE playlist_entries SET rank = $1 WHERE id = $2 AND playlist_id = $3");
    let rank = ranks.first().map(Rank::as_str);
    if transaction.run(update.bind(rank).bind(entry).bind(id)).await? == 0 {
        return Err(CatalogError::NotFound { what: "entry" });
    }
    transaction.commit().await?;
    Ok(changed)
}

pub(super) async fn remove(
    store: &SqlStore,
    id: PlaylistId,
    expected: Option<u64>,
    entry: EntryId,
    now: Timestamp,
) -> Result<Playlist, CatalogError> {
    let mut transaction = store.database.begin().await?;
    let changed = change(&mut transaction, id, expected, -1, now).await?;
    let delete = Statement::new("DELETE FROM playlist_entries WHERE id = $1 AND playlist_id = $2");
    if transaction.run(delete.bind(entry).bind(id)).await? == 0 {
        return Err(CatalogError::NotFound { what: "entry" });
    }
    transaction.commit().await?;
    Ok(changed)
}

/// Keeps these tracks from being deleted until the transaction ends. Tracks are locked before playlists:
/// who deletes a track takes them in this order.
async fn hold_tracks(transaction: &mut Transaction, entries: &[NewEntry]) -> Result<(), Fault> {
    let mut ids: Vec<_> = entries.iter().map(|entry| entry.track_id).collect();
    ids.sort_unstable();
    ids.dedup();
    for ids in ids.chunks(AT_ONCE) {
        let mut lock = Statement::new("SELECT 1 FROM tracks WHERE id IN (").one_off();
        lock.push_list(ids, |list, id| {
            list.push_bind(*id);
        });
        lock.push(") ORDER BY id FOR KEY SHARE");
        transaction.lock(lock).await?;
    }
    Ok(())
}

/// Gives the playlist its next version, and holds it until the transaction ends. An error rolls
/// the transaction back.
async fn change(
    transaction: &mut Transaction,
    id: PlaylistId,
    expected: Option<u64>,
    more_entries: i64,
    now: Timestamp,
) -> Result<Playlist, CatalogError> {
    // Not below 0: whether there is an entry to remove, the next statement finds out.
    let update = Statement::new(
        "UPDATE playlists SET version = version + 1, updated_at = $1,
                              entry_count = CASE WHEN entry_count + $2 < 0 THEN 0 ELSE entry_count + $2 END
         WHERE id = $3 RETURNING *, version - 1 AS old_version",
    );
    let row = transaction.optional(update.bind(now).bind(more_entries).bind(id)).await?;
    let changed = playlists::expected(row, expected)?;
    feed::touch_playlist(transaction, &changed).await?;
    Ok(changed)
}

/// Stores entries with these ranks.
pub(super) async fn insert(
    transaction: &mut Transaction,
    id: PlaylistId,
    entries: &[NewEntry],
    ranks: &[Rank],
) -> Result<(), CatalogError> {
    let placed: Vec<_> = ranks.iter().zip(entries).collect();
    for placed in placed.chunks(AT_ONCE) {
        let mut insert = Statement::new(
            "INSERT INTO playlist_entries (id, playlist_id, track_id, rank, added_at) VALUES ",
        )
        .one_off();
        insert.push_list(placed, |list, (rank, entry)| {
            list.push("(").push_bind(entry.id).push(", ").push_bind(id).push(", ").push_bind(entry.track_id);
            list.push(", ").push_bind(rank.as_str()).push(", ").push_bind(entry.added_at).push(")");
        });
        transaction.run(insert).await.map_err(|fault| match fault.is_missing_parent() {
            true => CatalogError::NotFound { what: "track" },
            false => fault.into(),
        })?;
    }
    Ok(())
}

fn entry(row: &Row) -> Result<PlaylistEntry, Fault> {
    Ok(PlaylistEntry { id: row.id("entry_id")?, track: tracks::track(row)?, added_at: row.time("added_at")? })
}

#[cfg(test)]
mod tests {
    use moodify_core::conformance::samples;

    use super::*;
    use crate::sql::SqliteConfig;

    #[tokio::test]
    async fn a_page_of_entries_walks_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let config = SqliteConfig::new(folder.path().join("moodify.db"));
        let store = SqlStore::connect(&config.into()).await.unwrap();
        let place = EntryPlace { ranking: 0, rank: Rank::spread(1).remove(0) };
        for after in [None, Some(&place)] {
            let query = select(samples::id(), PageSize::default(), after).explained();
            let rows = store.database.all(query).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.text("detail").unwrap()).collect();
            let walk = plan.iter().find(|step| step.contains("playlist_entries_in_order"));
            assert!(walk.is_some_and(|step| step.contains("rank>") == after.is_some()), "{plan:#?}");
            let detour = plan.iter().find(|step| step.starts_with("SCAN") || step.contains("TEMP B-TREE"));
            assert_eq!(detour, None, "{plan:#?}");
        }
    }
}
