use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use mongodb::bson::doc;
use moodify_core::model::{
    AccountId, ArtistId, Day, Event, FollowedArtist, Kept, LibraryItem, Page, PageSize,
};
use moodify_core::port::{FollowPosition, LibraryError};

use super::artists;
use super::visible::List;
use crate::mongodb::catalog_store::artists::COLLECTION as ARTISTS;
use crate::mongodb::error::Fault;
use crate::mongodb::row::{Key, Row, keys, micros};
use crate::mongodb::step::{Find, Step};
use crate::mongodb::{MongoStore, feed, outbox};

pub(super) const COLLECTION: &str = "follows";

pub(super) async fn follow(
    store: &MongoStore,
    account: AccountId,
    artist: ArtistId,
    now: Timestamp,
    events: &[Event],
) -> Result<bool, LibraryError> {
    let followed = store.database.atomically(|step| {
        Box::pin(async move {
            let follow = doc! { "account_id": account.key(), "artist_id": artist.key() };
            if step.exists(COLLECTION, follow.clone()).await? {
                return Ok(false);
            }
            if !count(step, artist, Day::of(now), Change::Gain).await? {
                return Err(LibraryError::NotFound { what: "artist" });
            }
            let mut insert = follow;
            insert.insert("followed_at", micros(now));
            step.insert(COLLECTION, insert).await?;
            let kept = Kept { at: now, version: None };
            feed::touch(step, account, LibraryItem::Follow(artist), Some(kept)).await?;
            outbox::append(step, events).await?;
            Ok(true)
        })
    });
    followed.await
}

pub(super) async fn unfollow(
    store: &MongoStore,
    account: AccountId,
    artist: ArtistId,
    now: Timestamp,
    events: &[Event],
) -> Result<bool, LibraryError> {
    let unfollowed = store.database.atomically(|step| {
        Box::pin(async move {
            let follow = doc! { "account_id": account.key(), "artist_id": artist.key() };
            if !step.delete(COLLECTION, follow).await? {
                return Ok(false);
            }
            count(step, artist, Day::of(now), Change::Lose).await?;
            feed::touch(step, account, LibraryItem::Follow(artist), None).await?;
            outbox::append(step, events).await?;
            Ok::<_, LibraryError>(true)
        })
    });
    unfollowed.await
}

/// One follower of an artist.
#[derive(Clone, Copy)]
pub(super) enum Change {
    Gain,
    Lose,
}

/// Counts one follower more or less, in the profile and on this day; `false` if there is no such artist.
pub(super) async fn count(
    step: &mut Step<'_>,
    artist: ArtistId,
    day: Day,
    change: Change,
) -> Result<bool, Fault> {
    let (more, gained, lost) = match change {
        Change::Gain => (1_i64, 1_i64, 0_i64),
        Change::Lose => (-1, 0, 1),
    };
    let one_more = doc! { "$inc": { "follower_count": more } };
    if !step.update(ARTISTS, doc! { "_id": artist.key() }, one_more).await? {
        return Ok(false);
    }
    let of_day = doc! { "artist_id": artist.key(), "day": day.number() };
    step.upsert("follow_days", of_day, doc! { "$inc": { "gained": gained, "lost": lost } }).await?;
    Ok(true)
}

pub(super) async fn among(
    store: &MongoStore,
    account: AccountId,
    ids: &[ArtistId],
) -> Result<HashSet<ArtistId>, LibraryError> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let among = doc! { "account_id": account.key(), "artist_id": { "$in": keys(ids) } };
    let rows = store.database.plain().find(Find::new(COLLECTION, among)).await?;
    Ok(rows.iter().map(|row| row.id("artist_id")).collect::<Result<_, _>>()?)
}

pub(super) async fn page(
    store: &MongoStore,
    account: AccountId,
    size: PageSize,
    after: Option<&FollowPosition>,
) -> Result<Page<FollowedArtist, FollowPosition>, LibraryError> {
    let filter = doc! { "account_id": account.key() };
    let list = List { collection: COLLECTION, filter, moment: "followed_at", id: "artist_id" };
    let after = after.map(|after| (micros(after.followed_at), after.id.key()));
    // Of one moment: of an artist who goes in between the follows go first.
    let follows = store.database.atomically(|step| {
        let query = list.behind(after.clone(), size.get() + 1);
        Box::pin(async move {
            let rows = step.find(query).await?;
            let ids = rows.iter().map(|row| row.id("artist_id")).collect::<Result<Vec<ArtistId>, _>>()?;
            let known = step.find(Find::new(ARTISTS, doc! { "_id": { "$in": keys(&ids) } })).await?;
            let known = artists::summaries(step, &known).await?;
            let known: HashMap<_, _> =
                known.into_iter().map(|summary| (summary.artist.id, summary)).collect();
            let followed = |(row, artist): (&Row, &ArtistId)| {
                let summary = known.get(artist).cloned().ok_or_else(|| Fault::stored("artist_id"))?;
                Ok(FollowedArtist { summary, followed_at: row.time("followed_at")? })
            };
            rows.iter().zip(&ids).map(followed).collect::<Result<Vec<_>, Fault>>()
        })
    });
    Ok(Page::from_surplus(follows.await?, size, |follow: &FollowedArtist| FollowPosition {
        followed_at: follow.followed_at,
        id: follow.summary.artist.id,
    }))
}
