//! The catalogue as a listener sees it: each read is one command. What a command costs this process is nearly
//! all in sending it and waking up for its answer, whatever it asks.

use std::collections::HashSet;

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use moodify_core::model::{AccountId, Page, PageSize, PlaylistId, Track, TrackFilter, TrackId};
use moodify_core::port::{CatalogError, ListenerCatalog, ListenerPlaylist, TrackPosition};

use super::{entries, list, playlists, tracks};
use crate::mongodb::MongoStore;
use crate::mongodb::error::Fault;
use crate::mongodb::library_store::likes;
use crate::mongodb::row::{Flat, Key, Row, number};

#[async_trait]
impl ListenerCatalog for MongoStore {
    async fn list_tracks_for(
        &self,
        listener: AccountId,
        filter: &TrackFilter,
        size: PageSize,
        after: Option<&TrackPosition>,
    ) -> Result<(Page<Track, TrackPosition>, HashSet<TrackId>), CatalogError> {
        let queries = list::queries(filter, size, after);
        let [query] = queries.as_slice() else {
            // Two walks that are merged are one transaction already.
            let page = list::page(self, filter, size, after).await?;
            let ids: Vec<TrackId> = page.items.iter().map(|track| track.id).collect();
            let liked = likes::known_among(self, listener, &ids).await?;
            return Ok((page, liked));
        };
        let pipeline = vec![
            doc! { "$match": query.filter.clone() },
            doc! { "$sort": query.sort.clone() },
            doc! { "$limit": query.limit },
            doc! { "$project": query.fields.clone() },
            doc! { "$group": { "_id": null, "tracks": { "$push": "$$ROOT" }, "ids": { "$push": "$_id" } } },
            likes_of(listener),
            doc! { "$project": { "tracks": 1, "likes": 1 } },
        ];
        let found = self.database.plain().read_aggregate(tracks::COLLECTION, pipeline).await?;
        // Of no tracks at all there is no group.
        let mut found = found.each(|row| Ok((row.each("tracks", tracks::track)?, liked(row)?)))?;
        let (tracks, liked) = found.pop().unwrap_or_default();
        Ok((Page::from_surplus(tracks, size, |track| list::position(filter.sort, track)), liked))
    }

    async fn playlist_for(
        &self,
        listener: AccountId,
        id: PlaylistId,
        size: PageSize,
    ) -> Result<Option<ListenerPlaylist>, CatalogError> {
        let pipeline = playlist(listener, id, size);
        let found = self.database.plain().read_aggregate(playlists::COLLECTION, pipeline).await?;
        let mut found = found.each(|row| {
            let placed = row.each("entries", entries::placed)?;
            let tracks = row.each("tracks", tracks::track)?;
            Ok(ListenerPlaylist {
                playlist: playlists::playlist(row)?,
                entries: entries::paged(placed, tracks, row.unsigned("ranking")?, size),
                liked: liked(row)?,
            })
        })?;
        Ok(found.pop())
    }
}

/// A playlist with its first entries, their tracks, and what of these the listener likes. `$map` and not the path
/// `entries.track_id`, of which SecantusDB makes nothing.
fn playlist(listener: AccountId, id: PlaylistId, size: PageSize) -> Vec<Document> {
    let first = vec![
        doc! { "$sort": { "rank": 1 } },
        doc! { "$limit": number(size.get() + 1) },
        doc! { "$project": entries::shown() },
    ];
    let of_playlist = doc! {
        "from": entries::COLLECTION, "localField": "_id", "foreignField": "playlist_id",
        "pipeline": first, "as": "entries",
    };
    let of_entries = doc! {
        "from": tracks::COLLECTION, "localField": "ids", "foreignField": "_id",
        "pipeline": [{ "$project": tracks::shown() }], "as": "tracks",
    };
    vec![
        doc! { "$match": { "_id": id.key() } },
        doc! { "$lookup": of_playlist },
        doc! { "$set": { "ids": { "$map": { "input": "$entries", "in": "$$this.track_id" } } } },
        doc! { "$lookup": of_entries },
        likes_of(listener),
        doc! { "$project": { "ids": 0 } },
    ]
}

/// The likes that this listener has given to the tracks in `ids`.
fn likes_of(listener: AccountId) -> Document {
    let own = doc! { "$match": { "account_id": listener.key() } };
    let named = doc! { "$project": { "_id": 0, "track_id": 1 } };
    doc! { "$lookup": {
        "from": likes::COLLECTION, "localField": "ids", "foreignField": "track_id",
        "pipeline": [own, named], "as": "likes",
    } }
}

fn liked(row: &Row<Flat<'_>>) -> Result<HashSet<TrackId>, Fault> {
    let likes: Vec<TrackId> = row.each("likes", |like| like.id("track_id"))?;
    Ok(likes.into_iter().collect())
}
