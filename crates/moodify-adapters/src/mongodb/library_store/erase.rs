//! Removing much, a portion at a time, so that no step is long.

use jiff::Timestamp;
use mongodb::bson::{Bson, doc};
use moodify_core::model::{AccountId, ArtistId, Day, LibraryItem, TrackId};
use moodify_core::port::LibraryError;

use super::follows::{self, Change};
use super::records::{AUDIENCES, FOLLOW_DAYS, LISTENER_DAYS, PLAY_DAYS};
use super::{likes, plays};
use crate::mongodb::catalog_store::{artists, entries, playlists, tracks};
use crate::mongodb::error::Fault;
use crate::mongodb::row::{Key, Row, keys, number};
use crate::mongodb::step::{Find, Step};
use crate::mongodb::{MongoStore, feed};

pub(super) async fn track(store: &MongoStore, id: TrackId, max: usize) -> Result<bool, LibraryError> {
    let erased = store.database.atomically(|step| {
        Box::pin(async move {
            let of_track = doc! { "track_id": id.key() };
            let query = Find::new(likes::COLLECTION, of_track).sort(doc! { "account_id": 1 }).limit(max);
            let likers = accounts(&step.find(query).await?)?;
            feed::touch_gone(step, &likers, LibraryItem::Like(id)).await?;
            let those = doc! { "track_id": id.key(), "account_id": { "$in": keys(&likers) } };
            step.delete_all(likes::COLLECTION, those).await?;
            let done = likers.len() < max && delete_records(step, id.key(), max).await?;
            Ok::<_, LibraryError>(done)
        })
    });
    erased.await
}

pub(super) async fn artist(store: &MongoStore, id: ArtistId, max: usize) -> Result<bool, LibraryError> {
    let erased = store.database.atomically(|step| {
        Box::pin(async move {
            let of_artist = doc! { "artist_id": id.key() };
            let query = Find::new(follows::COLLECTION, of_artist.clone()).sort(doc! { "account_id": 1 });
            let followers = accounts(&step.find(query.limit(max)).await?)?;
            feed::touch_gone(step, &followers, LibraryItem::Follow(id)).await?;
            let those = doc! { "artist_id": id.key(), "account_id": { "$in": keys(&followers) } };
            let lost = step.delete_all(follows::COLLECTION, those).await?;
            let by_id = doc! { "_id": id.key() };
            let fewer = doc! { "$inc": { "follower_count": -number(lost) } };
            step.update(artists::COLLECTION, by_id.clone(), fewer).await?;
            if followers.len() == max || !delete_records(step, id.key(), max).await? {
                return Ok(false);
            }
            step.delete_all(FOLLOW_DAYS, of_artist.clone()).await?;
            if step.exists(tracks::COLLECTION, of_artist).await? {
                return Ok(false);
            }
            step.delete(artists::COLLECTION, by_id).await?;
            Ok::<_, LibraryError>(true)
        })
    });
    erased.await
}

/// What a listener has beside playlists and follows, in the order in which it goes.
const OF_LISTENER: [&str; 4] = [likes::COLLECTION, plays::COLLECTION, LISTENER_DAYS, feed::CHANGES];

/// A playlist may take thousands of entries with it.
const PLAYLISTS_AT_ONCE: usize = 5;

pub(super) async fn listener(
    store: &MongoStore,
    id: AccountId,
    now: Timestamp,
    max: usize,
) -> Result<bool, LibraryError> {
    if delete_playlists(store, id).await? >= PLAYLISTS_AT_ONCE {
        return Ok(false);
    }
    let erased = store.database.atomically(|step| {
        Box::pin(async move {
            feed::hold(step, id).await?;
            let mut removed = lose_follows(step, id, now, max).await?;
            for collection in OF_LISTENER {
                let left = max.saturating_sub(removed);
                let deleted = step.delete_some(collection, doc! { "account_id": id.key() }, left).await?;
                removed += usize::try_from(deleted).unwrap_or(max);
            }
            let done = removed < max;
            if done {
                step.delete(feed::LIBRARIES, doc! { "_id": id.key() }).await?;
            }
            Ok::<_, LibraryError>(done)
        })
    });
    erased.await
}

async fn delete_playlists(store: &MongoStore, owner: AccountId) -> Result<usize, LibraryError> {
    let deleted = store.database.atomically(|step| {
        Box::pin(async move {
            let of_owner = Find::new(playlists::COLLECTION, doc! { "owner_id": owner.key() });
            let of_owner = of_owner.limit(PLAYLISTS_AT_ONCE).fields(doc! { "_id": 1 });
            let rows = step.find(of_owner).await?;
            let ids: Vec<Bson> = rows.into_iter().filter_map(|mut row| row.0.remove("_id")).collect();
            let count = ids.len();
            if count > 0 {
                let those = doc! { "$in": ids };
                step.delete_all(playlists::COLLECTION, doc! { "_id": those.clone() }).await?;
                step.delete_all(entries::COLLECTION, doc! { "playlist_id": those }).await?;
            }
            Ok::<_, LibraryError>(count)
        })
    });
    deleted.await
}

async fn lose_follows(
    step: &mut Step<'_>,
    account: AccountId,
    now: Timestamp,
    max: usize,
) -> Result<usize, Fault> {
    let query = Find::new(follows::COLLECTION, doc! { "account_id": account.key() });
    let rows = step.find(query.sort(doc! { "artist_id": 1 }).limit(max)).await?;
    let artists = rows.iter().map(|row| row.id("artist_id")).collect::<Result<Vec<ArtistId>, _>>()?;
    for artist in &artists {
        follows::count(step, *artist, Day::of(now), Change::Lose).await?;
    }
    let those = doc! { "account_id": account.key(), "artist_id": { "$in": keys(&artists) } };
    step.delete_all(follows::COLLECTION, those).await?;
    Ok(artists.len())
}

async fn delete_records(step: &mut Step<'_>, subject: Bson, max: usize) -> Result<bool, Fault> {
    let of_subject = doc! { "subject": subject };
    let deleted = step.delete_some(LISTENER_DAYS, of_subject.clone(), max).await?;
    for collection in [PLAY_DAYS, AUDIENCES] {
        step.delete_all(collection, of_subject.clone()).await?;
    }
    Ok(usize::try_from(deleted).is_ok_and(|deleted| deleted < max))
}

fn accounts(rows: &[Row]) -> Result<Vec<AccountId>, Fault> {
    rows.iter().map(|row| row.id("account_id")).collect()
}
