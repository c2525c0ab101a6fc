//! Removing much, a portion at a time, so that no step holds the others up for long.

use jiff::Timestamp;
use moodify_core::model::{AccountId, ArtistId, Day, LibraryItem, TrackId};
use moodify_core::port::LibraryError;

use super::follows::{self, Step};
use crate::sql::database::{Row, Statement, Transaction, Value};
use crate::sql::error::Fault;
use crate::sql::{SqlStore, feed};

pub(super) async fn track(store: &SqlStore, id: TrackId, max: usize) -> Result<bool, LibraryError> {
    let mut transaction = store.database.begin().await?;
    let likers =
        Statement::new("SELECT account_id FROM likes WHERE track_id = $1 ORDER BY account_id LIMIT $2");
    let likers = accounts(&transaction.all(likers.bind(id).bind(max)).await?)?;
    feed::touch_gone(&mut transaction, &likers, LibraryItem::Like(id)).await?;
    delete_of(
        &mut transaction,
        "DELETE FROM likes WHERE track_id = $1 AND account_id IN (",
        id.into(),
        &likers,
    )
    .await?;
    let mut done = likers.len() < max;
    if done {
        done = delete_records(&mut transaction, id.into(), max).await?;
    }
    transaction.commit().await?;
    Ok(done)
}

pub(super) async fn artist(store: &SqlStore, id: ArtistId, max: usize) -> Result<bool, LibraryError> {
    let mut transaction = store.database.begin().await?;
    transaction.lock(Statement::new("SELECT 1 FROM artists WHERE id = $1 FOR UPDATE").bind(id)).await?;
    let followers =
        Statement::new("SELECT account_id FROM follows WHERE artist_id = $1 ORDER BY account_id LIMIT $2");
    let followers = accounts(&transaction.all(followers.bind(id).bind(max)).await?)?;
    feed::touch_gone(&mut transaction, &followers, LibraryItem::Follow(id)).await?;
    let delete = "DELETE FROM follows WHERE artist_id = $1 AND account_id IN (";
    let lost = delete_of(&mut transaction, delete, id.into(), &followers).await?;
    let update = Statement::new("UPDATE artists SET follower_count = follower_count - $1 WHERE id = $2");
    transaction.run(update.bind(lost).bind(id)).await?;
    let mut done = followers.len() < max && delete_records(&mut transaction, id.into(), max).await?;
    if done {
        transaction.run(Statement::new("DELETE FROM follow_days WHERE artist_id = $1").bind(id)).await?;
        let delete = Statement::new(
            "DELETE FROM artists WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM tracks WHERE artist_id = $1)",
        );
        transaction.run(delete.bind(id)).await?;
        let left = Statement::new("SELECT 1 FROM artists WHERE id = $1").bind(id);
        done = transaction.optional(left).await?.is_none();
    }
    transaction.commit().await?;
    Ok(done)
}

/// What a listener has beside playlists and follows, in the order in which it goes.
const OF_LISTENER: [&str; 4] = [
    "DELETE FROM likes WHERE account_id = $1
         AND track_id IN (SELECT track_id FROM likes WHERE account_id = $1 LIMIT $2)",
    "DELETE FROM plays WHERE account_id = $1
         AND play_id IN (SELECT play_id FROM plays WHERE account_id = $1 LIMIT $2)",
    "DELETE FROM listener_days WHERE account_id = $1
         AND subject IN (SELECT subject FROM listener_days WHERE account_id = $1 ORDER BY subject LIMIT $2)",
    "DELETE FROM library_changes WHERE account_id = $1
         AND thing_id IN (SELECT thing_id FROM library_changes WHERE account_id = $1 LIMIT $2)",
];

/// A playlist may take thousands of entries with it.
const PLAYLISTS_AT_ONCE: usize = 5;

pub(super) async fn listener(
    store: &SqlStore,
    id: AccountId,
    now: Timestamp,
    max: usize,
) -> Result<bool, LibraryError> {
    // A step of its own: playlists come before the feed, and after artists.
    if delete_playlists(store, id).await? >= PLAYLISTS_AT_ONCE as u64 {
        return Ok(false);
    }
    let mut transaction = store.database.begin().await?;
    let artists = Statement::new(
        "SELECT 1 FROM artists WHERE id IN (SELECT artist_id FROM follows WHERE account_id = $1)
         ORDER BY id FOR NO KEY UPDATE",
    );
    transaction.lock(artists.bind(id)).await?;
    feed::hold(&mut transaction, id).await?;
    hold_days(&mut transaction, "account_id", "subject", id.into(), max).await?;
    let mut removed = lose_follows(&mut transaction, id, now, max).await?;
    for delete in OF_LISTENER {
        if removed < max {
            let left = max - removed;
            let deleted = transaction.run(Statement::new(delete).bind(id).bind(left)).await?;
            removed += usize::try_from(deleted).unwrap_or(max);
        }
    }
    let done = removed < max;
    if done {
        transaction.run(Statement::new("DELETE FROM libraries WHERE account_id = $1").bind(id)).await?;
    }
    transaction.commit().await?;
    Ok(done)
}

async fn delete_playlists(store: &SqlStore, owner: AccountId) -> Result<u64, Fault> {
    let mut transaction = store.database.begin().await?;
    let first = "SELECT id FROM playlists WHERE owner_id = $1 ORDER BY id LIMIT $2";
    let of_owner = |statement: Statement| statement.bind(owner).bind(PLAYLISTS_AT_ONCE);
    // Who deletes a track holds the playlists that have it, in this order.
    let lock = Statement::new("SELECT 1 FROM playlists WHERE id IN (").then(first);
    transaction.lock(of_owner(lock.then(") ORDER BY id FOR UPDATE"))).await?;
    let delete = Statement::new("DELETE FROM playlists WHERE id IN (").then(first).then(")");
    let deleted = transaction.run(of_owner(delete)).await?;
    transaction.commit().await?;
    Ok(deleted)
}

/// Holds the first days of a listener by subject, or of a subject by listener, in the order of their
/// keys: who removes a listener meets who removes a subject, and neither has what the other waits for.
async fn hold_days(
    transaction: &mut Transaction,
    of: &str,
    by: &str,
    id: Value,
    max: usize,
) -> Result<(), Fault> {
    let lock = format!(
        "SELECT 1 FROM listener_days WHERE {of} = $1
             AND {by} IN (SELECT {by} FROM listener_days WHERE {of} = $1 ORDER BY {by} LIMIT $2)
         ORDER BY {by}, day FOR UPDATE"
    );
    transaction.lock(Statement::new("").then(&lock).bind(id).bind(max)).await
}

async fn lose_follows(
    transaction: &mut Transaction,
    account: AccountId,
    now: Timestamp,
    max: usize,
) -> Result<usize, Fault> {
    let delete = Statement::new(
        "DELETE FROM follows WHERE account_id = $1
             AND artist_id IN (SELECT artist_id FROM follows WHERE account_id = $1 ORDER BY artist_id LIMIT $2)
         RETURNING artist_id",
    );
    let rows = transaction.all(delete.bind(account).bind(max)).await?;
    let mut artists = rows.iter().map(|row| row.id("artist_id")).collect::<Result<Vec<ArtistId>, _>>()?;
    artists.sort_unstable();
    follows::count(transaction, &artists, Day::of(now), Step::Lose).await?;
    Ok(artists.len())
}

async fn delete_records(transaction: &mut Transaction, subject: Value, max: usize) -> Result<bool, Fault> {
    hold_days(transaction, "subject", "account_id", subject.clone(), max).await?;
    let delete = Statement::new(
        "DELETE FROM listener_days WHERE subject = $1 AND account_id IN
             (SELECT account_id FROM listener_days WHERE subject = $1 ORDER BY account_id LIMIT $2)",
    );
    let deleted = transaction.run(delete.bind(subject.clone()).bind(max)).await?;
    for delete in ["DELETE FROM play_days WHERE subject = $1", "DELETE FROM audiences WHERE subject = $1"] {
        transaction.run(Statement::new(delete).bind(subject.clone())).await?;
    }
    Ok(usize::try_from(deleted).is_ok_and(|deleted| deleted < max))
}

/// The rows of these accounts among those of one thing.
async fn delete_of(
    transaction: &mut Transaction,
    delete: &'static str,
    thing: Value,
    accounts: &[AccountId],
) -> Result<u64, Fault> {
    if accounts.is_empty() {
        return Ok(0);
    }
    let mut delete = Statement::new(delete).bind(thing).one_off();
    delete.push_list(accounts, |list, account| {
        list.push_bind(*account);
    });
    delete.push(")");
    transaction.run(delete).await
}

fn accounts(rows: &[Row]) -> Result<Vec<AccountId>, Fault> {
    rows.iter().map(|row| row.id("account_id")).collect()
}
