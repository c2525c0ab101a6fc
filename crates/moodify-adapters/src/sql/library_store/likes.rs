use std::collections::HashSet;

use jiff::Timestamp;
use moodify_core::model::{AccountId, ArtistId, Kept, LibraryItem, LikedTrack, Page, PageSize, TrackId};
use moodify_core::port::{LibraryError, LikePosition};

use super::push_visible;
use crate::sql::catalog_store::tracks;
use crate::sql::database::{Row, Statement};
use crate::sql::error::Fault;
use crate::sql::{SqlStore, feed};

const NOT_FOUND: LibraryError = LibraryError::NotFound { what: "track" };

pub(super) async fn like(
    store: &SqlStore,
    account: AccountId,
    track: TrackId,
    now: Timestamp,
) -> Result<bool, LibraryError> {
    let mut transaction = store.database.begin().await?;
    // Or the track could go while its like is being stored, and leave the like behind.
    let lock = Statement::new("SELECT 1 FROM tracks WHERE id = $1 FOR KEY SHARE");
    transaction.lock(lock.bind(track)).await?;
    feed::hold(&mut transaction, account).await?;
    let exists = Statement::new("SELECT 1 FROM tracks WHERE id = $1").bind(track);
    if transaction.optional(exists).await?.is_none() {
        return Err(NOT_FOUND);
    }
    let insert = Statement::new(
        "INSERT INTO likes (account_id, track_id, liked_at) VALUES ($1, $2, $3)
         ON CONFLICT (account_id, track_id) DO NOTHING",
    );
    if transaction.run(insert.bind(account).bind(track).bind(now)).await? == 0 {
        return Ok(false);
    }
    let kept = Kept { at: now, version: None };
    feed::touch(&mut transaction, account, LibraryItem::Like(track), Some(kept)).await?;
    transaction.commit().await?;
    Ok(true)
}

pub(super) async fn unlike(
    store: &SqlStore,
    account: AccountId,
    track: TrackId,
) -> Result<bool, LibraryError> {
    let mut transaction = store.database.begin().await?;
    feed::hold(&mut transaction, account).await?;
    let delete = Statement::new("DELETE FROM likes WHERE account_id = $1 AND track_id = $2");
    if transaction.run(delete.bind(account).bind(track)).await? == 0 {
        return Ok(false);
    }
    feed::touch(&mut transaction, account, LibraryItem::Like(track), None).await?;
    transaction.commit().await?;
    Ok(true)
}

pub(super) async fn among(
    store: &SqlStore,
    account: AccountId,
    ids: &[TrackId],
) -> Result<HashSet<TrackId>, LibraryError> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let mut query = Statement::new("SELECT track_id FROM likes WHERE account_id = $1").bind(account);
    query.push(" AND track_id").push_in(ids);
    let rows = store.database.all(query).await?;
    Ok(rows.iter().map(|row| row.id("track_id")).collect::<Result<_, _>>()?)
}

pub(super) async fn page(
    store: &SqlStore,
    account: AccountId,
    viewer: Option<ArtistId>,
    size: PageSize,
    after: Option<&LikePosition>,
) -> Result<Page<LikedTrack, LikePosition>, LibraryError> {
    let mut query = Statement::new("SELECT l.liked_at, ");
    query.push(tracks::COLUMNS);
    // CROSS JOIN: SQLite begins with what stands first, and walks the likes in their order.
    query.push(" FROM likes AS l CROSS JOIN tracks AS t WHERE t.id = l.track_id AND l.account_id = ");
    query.push_bind(account);
    push_visible(&mut query, viewer);
    if let Some(after) = after {
        query.push(" AND (l.liked_at, l.track_id) < (").push_bind(after.liked_at);
        query.push(", ").push_bind(after.id).push(")");
    }
    query.push(" ORDER BY l.liked_at DESC, l.track_id DESC LIMIT ").push_bind(size.get() + 1);
    let rows = store.database.all(query).await?;
    let likes = rows.iter().map(liked).collect::<Result<_, _>>()?;
    Ok(Page::from_surplus(likes, size, |like: &LikedTrack| LikePosition {
        liked_at: like.liked_at,
        id: like.track.id,
    }))
}

fn liked(row: &Row) -> Result<LikedTrack, Fault> {
    Ok(LikedTrack { track: tracks::track(row)?, liked_at: row.time("liked_at")? })
}
