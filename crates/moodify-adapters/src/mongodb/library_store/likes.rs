use std::collections::HashSet;

use jiff::Timestamp;
use mongodb::bson::doc;
use moodify_core::model::{AccountId, ArtistId, Kept, LibraryItem, LikedTrack, Page, PageSize, TrackId};
use moodify_core::port::{LibraryError, LikePosition};

use super::visible::List;
use crate::mongodb::catalog_store::tracks;
use crate::mongodb::error::Fault;
use crate::mongodb::row::{Key, keys, micros};
use crate::mongodb::step::Find;
use crate::mongodb::{MongoStore, feed};

pub(in crate::mongodb) const COLLECTION: &str = "likes";

pub(super) async fn like(
    store: &MongoStore,
    account: AccountId,
    track: TrackId,
    now: Timestamp,
) -> Result<bool, LibraryError> {
    let liked = store.database.atomically(|step| {
        Box::pin(async move {
            // Held, or the track could go while its like is being stored, and leave the like behind.
            if !step.hold(tracks::COLLECTION, doc! { "_id": track.key() }).await? {
                return Err(LibraryError::NotFound { what: "track" });
            }
            let like = doc! { "account_id": account.key(), "track_id": track.key() };
            if step.exists(COLLECTION, like.clone()).await? {
                return Ok(false);
            }
            let mut insert = like;
            insert.insert("liked_at", micros(now));
            step.insert(COLLECTION, insert).await?;
            let kept = Kept { at: now, version: None };
            feed::touch(step, account, LibraryItem::Like(track), Some(kept)).await?;
            Ok(true)
        })
    });
    liked.await
}

pub(super) async fn unlike(
    store: &MongoStore,
    account: AccountId,
    track: TrackId,
) -> Result<bool, LibraryError> {
    let unliked = store.database.atomically(|step| {
        Box::pin(async move {
            let like = doc! { "account_id": account.key(), "track_id": track.key() };
            if !step.delete(COLLECTION, like).await? {
                return Ok(false);
            }
            feed::touch(step, account, LibraryItem::Like(track), None).await?;
            Ok::<_, LibraryError>(true)
        })
    });
    unliked.await
}

pub(super) async fn among(
    store: &MongoStore,
    account: AccountId,
    ids: &[TrackId],
) -> Result<HashSet<TrackId>, LibraryError> {
    Ok(known_among(store, account, ids).await?)
}

/// The index of the likes of an account holds all that is read here.
pub(in crate::mongodb) async fn known_among(
    store: &MongoStore,
    account: AccountId,
    ids: &[TrackId],
) -> Result<HashSet<TrackId>, Fault> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let among = doc! { "account_id": account.key(), "track_id": { "$in": keys(ids) } };
    let query = Find::new(COLLECTION, among).limit(ids.len()).fields(doc! { "_id": 0, "track_id": 1 });
    let liked: Vec<TrackId> = store.database.plain().read(query).await?.each(|row| row.id("track_id"))?;
    Ok(liked.into_iter().collect())
}

pub(super) async fn page(
    store: &MongoStore,
    account: AccountId,
    viewer: Option<ArtistId>,
    size: PageSize,
    after: Option<&LikePosition>,
) -> Result<Page<LikedTrack, LikePosition>, LibraryError> {
    let filter = doc! { "account_id": account.key() };
    let list = List { collection: COLLECTION, filter, moment: "liked_at", id: "track_id" };
    let after = after.map(|after| (micros(after.liked_at), after.id.key()));
    let page = list.page(
        store,
        viewer,
        size,
        after,
        |row, track| Ok(LikedTrack { track, liked_at: row.time("liked_at")? }),
        |like| LikePosition { liked_at: like.liked_at, id: like.track.id },
    );
    Ok(page.await?)
}
