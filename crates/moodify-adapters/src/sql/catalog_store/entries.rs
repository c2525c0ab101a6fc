use jiff::Timestamp;
use moodify_core::model::playlist::NewEntry;
use moodify_core::model::{EntryId, Playlist, PlaylistEntry, PlaylistId};
use moodify_core::port::{CatalogError, EntryPosition};

use super::playlists::playlist;
use super::tracks;
use crate::sql::database::{Row, Statement, Transaction};
use crate::sql::error::Fault;
use crate::sql::{SqlStore, feed};

/// How many entries one statement inserts: each binds five values, and SQLite takes 32,766.
const AT_ONCE: usize = 1000;

pub(super) async fn all(store: &SqlStore, id: PlaylistId) -> Result<Vec<PlaylistEntry>, CatalogError> {
    let mut query = Statement::new("SELECT e.id AS entry_id, e.added_at, ");
    query.push(tracks::COLUMNS);
    query.push(" FROM playlist_entries AS e JOIN tracks AS t ON t.id = e.track_id WHERE e.playlist_id = ");
    query.push_bind(id).push(" ORDER BY e.position");
    let rows = store.database.all(query).await?;
    Ok(rows.iter().map(entry).collect::<Result<_, _>>()?)
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
    let first = make_room(&mut transaction, id, position, added).await?;
    insert(&mut transaction, id, entries, first).await?;
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
    let update = Statement::new(
        "UPDATE playlists SET version = version + 1, updated_at = $1, entry_count = entry_count + $2
         WHERE id = $3 RETURNING *, version - 1 AS old_version",
    );
    let row = transaction.optional(update.bind(now).bind(more_entries).bind(id)).await?;
    let row = row.ok_or(CatalogError::NotFound { what: "playlist" })?;
    let current: u64 = row.unsigned("old_version")?;
    if expected.is_some_and(|expected| expected != current) {
        return Err(CatalogError::StaleVersion { current });
    }
    let changed = playlist(&row)?;
    feed::touch_playlist(transaction, &changed).await?;
    Ok(changed)
}

/// Moves what stands at the position and after it. Returns the first free position.
async fn make_room(
    transaction: &mut Transaction,
    id: PlaylistId,
    position: EntryPosition,
    added: i64,
) -> Result<i64, Fault> {
    if let EntryPosition::At(index) = position {
        let there = Statement::new(
            "SELECT position FROM playlist_entries WHERE playlist_id = $1 ORDER BY position LIMIT 1 OFFSET $2",
        );
        if let Some(row) = transaction.optional(there.bind(id).bind(index)).await? {
            let first = row.int("position")?;
            let shift = Statement::new(
                "UPDATE playlist_entries SET position = position + $1 WHERE playlist_id = $2 AND position >= $3",
            );
            transaction.run(shift.bind(added).bind(id).bind(first)).await?;
            return Ok(first);
        }
    }
    let last = Statement::new("SELECT MAX(position) AS last FROM playlist_entries WHERE playlist_id = $1");
    let last = transaction.optional(last.bind(id)).await?;
    Ok(last.map(|row| row.optional_int("last")).transpose()?.flatten().map_or(0, |last| last + 1))
}

/// Stores entries from this position on.
pub(super) async fn insert(
    transaction: &mut Transaction,
    id: PlaylistId,
    entries: &[NewEntry],
    first: i64,
) -> Result<(), CatalogError> {
    let placed: Vec<_> = (first..).zip(entries).collect();
    for placed in placed.chunks(AT_ONCE) {
        let mut insert = Statement::new(
            "INSERT INTO playlist_entries (id, playlist_id, track_id, position, added_at) VALUES ",
        )
        .one_off();
        insert.push_list(placed, |list, (position, entry)| {
            list.push("(").push_bind(entry.id).push(", ").push_bind(id).push(", ").push_bind(entry.track_id);
            list.push(", ").push_bind(*position).push(", ").push_bind(entry.added_at).push(")");
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
