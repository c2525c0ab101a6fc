//! The change feeds: every write that changes a library goes through here, in its own atomic step.
//!
//! The counter of a listener is a row that its changes take turns at: a change gets its place when it
//! holds the row, and gives the row back when it is committed. That is why a reader who has seen place
//! 7 never later finds a new place 6, with however many writers. In the order of locks
//! (`docs/adr/0007-postgresql-beside-sqlite.md`) these rows come after tracks, playlists and their
//! entries, and before all else of a library; several listeners in the order of their ids.

use moodify_core::model::{AccountId, Kept, LibraryItem, Playlist, TrackId};

use super::database::{Statement, Transaction, Value};
use super::error::Fault;

/// Lets nobody else change this library until the transaction ends.
pub(super) async fn hold(transaction: &mut Transaction, account: AccountId) -> Result<(), Fault> {
    advance(transaction, account, 0).await.map(drop)
}

/// Moves the entry of this thing to the end of the listener's feed.
pub(super) async fn touch(
    transaction: &mut Transaction,
    account: AccountId,
    item: LibraryItem,
    kept: Option<Kept>,
) -> Result<(), Fault> {
    let place = advance(transaction, account, 1).await?;
    let (kind, id) = name(item);
    let upsert = Statement::new(
        "INSERT INTO library_changes (account_id, kind, thing_id, place, kept_at, version)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (account_id, kind, thing_id)
         DO UPDATE SET place = excluded.place, kept_at = excluded.kept_at, version = excluded.version",
    );
    let upsert = upsert
        .bind(account)
        .bind(kind)
        .bind(id)
        .bind(place)
        .bind(Value::Int(kept.map(|kept| kept.at.as_microsecond())))
        .bind(Value::Int(kept.and_then(|kept| kept.version).and_then(|version| version.try_into().ok())));
    transaction.run(upsert).await?;
    Ok(())
}

/// The same for a playlist that is there.
pub(super) async fn touch_playlist(transaction: &mut Transaction, playlist: &Playlist) -> Result<(), Fault> {
    let kept = Kept { at: playlist.updated_at, version: Some(playlist.version) };
    touch(transaction, playlist.owner_id, LibraryItem::Playlist(playlist.id), Some(kept)).await
}

/// The same for every playlist that this track stands in, whoever's.
pub(super) async fn touch_playlists_with(transaction: &mut Transaction, track: TrackId) -> Result<(), Fault> {
    let advance = Statement::new(
        "INSERT INTO libraries (account_id, last_change)
         SELECT owner_id, COUNT(*) FROM playlists
         WHERE id IN (SELECT playlist_id FROM playlist_entries WHERE track_id = $1)
         GROUP BY owner_id ORDER BY owner_id
         ON CONFLICT (account_id) DO UPDATE SET last_change = libraries.last_change + excluded.last_change",
    );
    transaction.run(advance.bind(track)).await?;
    let upsert = Statement::new(
        "INSERT INTO library_changes (account_id, kind, thing_id, place, kept_at, version)
         SELECT p.owner_id, 'playlist', p.id,
                l.last_change + 1 - ROW_NUMBER() OVER (PARTITION BY p.owner_id ORDER BY p.id),
                p.updated_at, p.version
         FROM playlists AS p JOIN libraries AS l ON l.account_id = p.owner_id
         WHERE p.id IN (SELECT playlist_id FROM playlist_entries WHERE track_id = $1)
         ON CONFLICT (account_id, kind, thing_id)
         DO UPDATE SET place = excluded.place, kept_at = excluded.kept_at, version = excluded.version",
    );
    transaction.run(upsert.bind(track)).await?;
    Ok(())
}

/// Tells these listeners that the same thing is gone from their libraries.
pub(super) async fn touch_gone(
    transaction: &mut Transaction,
    accounts: &[AccountId],
    item: LibraryItem,
) -> Result<(), Fault> {
    let (kind, id) = name(item);
    if accounts.is_empty() {
        return Ok(());
    }
    let mut accounts = accounts.to_vec();
    accounts.sort_unstable();
    let mut advance = Statement::new("INSERT INTO libraries (account_id, last_change) VALUES ").one_off();
    advance.push_list(&accounts, |list, account| {
        list.push("(").push_bind(*account).push(", 1)");
    });
    advance.push(" ON CONFLICT (account_id) DO UPDATE SET last_change = libraries.last_change + 1");
    transaction.run(advance).await?;
    let mut upsert = Statement::new(
        "INSERT INTO library_changes (account_id, kind, thing_id, place, kept_at, version)
         SELECT account_id, ",
    )
    .one_off();
    upsert.push_bind(kind).push(", ").push_bind(id).push(", last_change, NULL, NULL FROM libraries");
    upsert.push(" WHERE account_id IN (").push_list(&accounts, |list, account| {
        list.push_bind(*account);
    });
    upsert.push(
        ") ON CONFLICT (account_id, kind, thing_id)
         DO UPDATE SET place = excluded.place, kept_at = NULL, version = NULL",
    );
    transaction.run(upsert).await?;
    Ok(())
}

async fn advance(transaction: &mut Transaction, account: AccountId, by: i64) -> Result<i64, Fault> {
    let count = Statement::new(
        "INSERT INTO libraries (account_id, last_change) VALUES ($1, $2)
         ON CONFLICT (account_id) DO UPDATE SET last_change = libraries.last_change + excluded.last_change
         RETURNING last_change",
    );
    let row = transaction.optional(count.bind(account).bind(by)).await?;
    row.ok_or_else(|| Fault::stored("last_change"))?.int("last_change")
}

fn name(item: LibraryItem) -> (&'static str, Value) {
    match item {
        LibraryItem::Like(id) => ("like", id.into()),
        LibraryItem::Follow(id) => ("follow", id.into()),
        LibraryItem::Playlist(id) => ("playlist", id.into()),
    }
}
