use std::collections::HashSet;

use jiff::Timestamp;
use moodify_core::model::{
    AccountId, ArtistId, Day, Event, FollowedArtist, Kept, LibraryItem, Page, PageSize,
};
use moodify_core::port::{FollowPosition, LibraryError};

use super::artists;
use crate::sql::database::{Row, Statement, Transaction};
use crate::sql::error::Fault;
use crate::sql::{SqlStore, feed};

const NOT_FOUND: LibraryError = LibraryError::NotFound { what: "artist" };

pub(super) async fn follow(
    store: &SqlStore,
    account: AccountId,
    artist: ArtistId,
    now: Timestamp,
    events: &[Event],
) -> Result<bool, LibraryError> {
    let mut transaction = store.database.begin().await?;
    hold_artist(&mut transaction, artist).await?;
    feed::hold(&mut transaction, account).await?;
    let insert = Statement::new(
        "INSERT INTO follows (account_id, artist_id, followed_at) VALUES ($1, $2, $3)
         ON CONFLICT (account_id, artist_id) DO NOTHING",
    );
    match transaction.run(insert.bind(account).bind(artist).bind(now)).await {
        Ok(0) => return Ok(false),
        Ok(_) => {}
        Err(fault) if fault.is_missing_parent() => return Err(NOT_FOUND),
        Err(fault) => return Err(fault.into()),
    }
    let kept = Kept { at: now, version: None };
    feed::touch(&mut transaction, account, LibraryItem::Follow(artist), Some(kept)).await?;
    count(&mut transaction, &[artist], Day::of(now), Step::Gain).await?;
    store.commit(transaction, events).await?;
    Ok(true)
}

pub(super) async fn unfollow(
    store: &SqlStore,
    account: AccountId,
    artist: ArtistId,
    now: Timestamp,
    events: &[Event],
) -> Result<bool, LibraryError> {
    let mut transaction = store.database.begin().await?;
    hold_artist(&mut transaction, artist).await?;
    feed::hold(&mut transaction, account).await?;
    let delete = Statement::new("DELETE FROM follows WHERE account_id = $1 AND artist_id = $2");
    if transaction.run(delete.bind(account).bind(artist)).await? == 0 {
        return Ok(false);
    }
    feed::touch(&mut transaction, account, LibraryItem::Follow(artist), None).await?;
    count(&mut transaction, &[artist], Day::of(now), Step::Lose).await?;
    store.commit(transaction, events).await?;
    Ok(true)
}

/// The row that counts the followers comes before the feed.
async fn hold_artist(transaction: &mut Transaction, artist: ArtistId) -> Result<(), Fault> {
    let lock = Statement::new("SELECT 1 FROM artists WHERE id = $1 FOR NO KEY UPDATE");
    transaction.lock(lock.bind(artist)).await
}

/// One follower of each of some artists.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Gain,
    Lose,
}

/// Counts one follower more or less, in the profiles, which are held already, and on this day.
pub(super) async fn count(
    transaction: &mut Transaction,
    artists: &[ArtistId],
    day: Day,
    step: Step,
) -> Result<(), Fault> {
    let (more, gained, lost) = match step {
        Step::Gain => (1i64, 1i64, 0i64),
        Step::Lose => (-1, 0, 1),
    };
    for artist in artists {
        let update = Statement::new("UPDATE artists SET follower_count = follower_count + $1 WHERE id = $2");
        transaction.run(update.bind(more).bind(*artist)).await?;
        let upsert = Statement::new(
            "INSERT INTO follow_days (artist_id, day, gained, lost) VALUES ($1, $2, $3, $4)
             ON CONFLICT (artist_id, day) DO UPDATE
             SET gained = follow_days.gained + excluded.gained, lost = follow_days.lost + excluded.lost",
        );
        let upsert = upsert.bind(*artist).bind(day.number()).bind(gained).bind(lost);
        transaction.run(upsert).await?;
    }
    Ok(())
}

pub(super) async fn among(
    store: &SqlStore,
    account: AccountId,
    ids: &[ArtistId],
) -> Result<HashSet<ArtistId>, LibraryError> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let mut query = Statement::new("SELECT artist_id FROM follows WHERE account_id = $1").bind(account);
    query.push(" AND artist_id").push_in(ids);
    let rows = store.database.all(query).await?;
    Ok(rows.iter().map(|row| row.id("artist_id")).collect::<Result<_, _>>()?)
}

pub(super) async fn page(
    store: &SqlStore,
    account: AccountId,
    size: PageSize,
    after: Option<&FollowPosition>,
) -> Result<Page<FollowedArtist, FollowPosition>, LibraryError> {
    let mut query = Statement::new("SELECT f.followed_at, ");
    query.push(artists::COLUMNS);
    query.push(" FROM follows AS f CROSS JOIN artists AS a WHERE a.id = f.artist_id AND f.account_id = ");
    query.push_bind(account);
    if let Some(after) = after {
        query.push(" AND (f.followed_at, f.artist_id) < (").push_bind(after.followed_at);
        query.push(", ").push_bind(after.id).push(")");
    }
    query.push(" ORDER BY f.followed_at DESC, f.artist_id DESC LIMIT ").push_bind(size.get() + 1);
    let rows = store.database.all(query).await?;
    let follows = rows.iter().map(followed).collect::<Result<_, _>>()?;
    Ok(Page::from_surplus(follows, size, |follow: &FollowedArtist| FollowPosition {
        followed_at: follow.followed_at,
        id: follow.summary.artist.id,
    }))
}

fn followed(row: &Row) -> Result<FollowedArtist, Fault> {
    Ok(FollowedArtist { summary: artists::summary(row)?, followed_at: row.time("followed_at")? })
}
