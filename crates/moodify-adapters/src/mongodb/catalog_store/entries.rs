use std::collections::HashMap;

use jiff::Timestamp;
use mongodb::bson::doc;
use moodify_core::model::playlist::NewEntry;
use moodify_core::model::{
    EntryId, Page, PageSize, Playlist, PlaylistEntry, PlaylistId, Rank, Track, TrackId,
};
use moodify_core::port::{CatalogError, EntryPlace, EntryPosition};

use super::ranks::{self, Slot};
use super::{playlists, tracks};
use crate::mongodb::MongoStore;
use crate::mongodb::error::Fault;
use crate::mongodb::row::{Key, keys, micros};
use crate::mongodb::step::{Find, Step};

pub(in crate::mongodb) const COLLECTION: &str = "playlist_entries";

/// How many entries are inserted at once.
const AT_ONCE: usize = 1000;

/// In one step, so that the ranks, what they are worth and the tracks are of the same moment.
pub(super) async fn page(
    store: &MongoStore,
    id: PlaylistId,
    size: PageSize,
    after: Option<&EntryPlace>,
) -> Result<Page<PlaylistEntry, EntryPlace>, CatalogError> {
    let page = store.database.atomically(|step| {
        Box::pin(async move {
            let Some(playlist) = step.find_one(playlists::COLLECTION, doc! { "_id": id.key() }).await? else {
                return Ok(Page { items: Vec::new(), next: None });
            };
            let ranking = playlist.unsigned("ranking")?;
            if after.is_some_and(|after| after.ranking != ranking) {
                return Err(CatalogError::PlaceLost);
            }
            let rows = step.find(query(id, size, after)).await?;
            let ids = rows.iter().map(|row| row.id("track_id")).collect::<Result<Vec<TrackId>, _>>()?;
            let known = tracks::find_all(step, &ids).await?;
            let known: HashMap<TrackId, Track> = known.into_iter().map(|track| (track.id, track)).collect();
            let mut found = Vec::with_capacity(rows.len());
            for (row, track) in rows.iter().zip(&ids) {
                let track = known.get(track).cloned().ok_or_else(|| Fault::stored("track_id"))?;
                let entry = PlaylistEntry { id: row.id("_id")?, track, added_at: row.time("added_at")? };
                found.push((EntryPlace { ranking, rank: row.checked("rank")? }, entry));
            }
            let page = Page::from_surplus(found, size, |(place, _)| place.clone());
            Ok(Page { items: page.items.into_iter().map(|(_, entry)| entry).collect(), next: page.next })
        })
    });
    page.await
}

fn query(id: PlaylistId, size: PageSize, after: Option<&EntryPlace>) -> Find {
    let mut filter = doc! { "playlist_id": id.key() };
    if let Some(after) = after {
        filter.insert("rank", doc! { "$gt": after.rank.as_str() });
    }
    Find::new(COLLECTION, filter).sort(doc! { "rank": 1 }).limit(size.get() + 1)
}

pub(super) async fn add(
    store: &MongoStore,
    id: PlaylistId,
    expected: Option<u64>,
    entries: &[NewEntry],
    position: EntryPosition,
    now: Timestamp,
) -> Result<Playlist, CatalogError> {
    let added = store.database.atomically(|step| {
        Box::pin(async move {
            let mut changed = playlists::expect(step, id, expected).await?;
            let count =
                usize::try_from(changed.entry_count).unwrap_or(usize::MAX).saturating_add(entries.len());
            if count > Playlist::MAX_ENTRIES {
                return Err(CatalogError::Full);
            }
            changed.entry_count = u32::try_from(count).unwrap_or(u32::MAX);
            let slot = Slot { playlist: id, position, without: None };
            let ranks = ranks::free(step, slot, entries.len()).await?;
            insert(step, id, entries, &ranks).await?;
            Ok(playlists::write(step, changed, now).await?)
        })
    });
    added.await
}

pub(super) async fn move_to(
    store: &MongoStore,
    id: PlaylistId,
    expected: Option<u64>,
    entry: EntryId,
    index: u32,
    now: Timestamp,
) -> Result<Playlist, CatalogError> {
    let moved = store.database.atomically(|step| {
        Box::pin(async move {
            let changed = playlists::expect(step, id, expected).await?;
            let slot = Slot { playlist: id, position: EntryPosition::At(index), without: Some(entry) };
            let ranks = ranks::free(step, slot, 1).await?;
            let rank = ranks.first().map(Rank::as_str);
            let here = doc! { "_id": entry.key(), "playlist_id": id.key() };
            if !step.update(COLLECTION, here, doc! { "$set": { "rank": rank } }).await? {
                return Err(CatalogError::NotFound { what: "entry" });
            }
            Ok(playlists::write(step, changed, now).await?)
        })
    });
    moved.await
}

pub(super) async fn remove(
    store: &MongoStore,
    id: PlaylistId,
    expected: Option<u64>,
    entry: EntryId,
    now: Timestamp,
) -> Result<Playlist, CatalogError> {
    let removed = store.database.atomically(|step| {
        Box::pin(async move {
            let mut changed = playlists::expect(step, id, expected).await?;
            let here = doc! { "_id": entry.key(), "playlist_id": id.key() };
            if !step.delete(COLLECTION, here).await? {
                return Err(CatalogError::NotFound { what: "entry" });
            }
            changed.entry_count = changed.entry_count.saturating_sub(1);
            Ok(playlists::write(step, changed, now).await?)
        })
    });
    removed.await
}

/// Stores entries with these ranks. Their tracks are held: who deletes one of them takes its entries along.
pub(super) async fn insert(
    step: &mut Step<'_>,
    id: PlaylistId,
    entries: &[NewEntry],
    ranks: &[Rank],
) -> Result<(), CatalogError> {
    let mut tracks: Vec<_> = entries.iter().map(|entry| entry.track_id).collect();
    tracks.sort_unstable();
    tracks.dedup();
    for tracks in tracks.chunks(AT_ONCE) {
        let those = doc! { "_id": { "$in": keys(tracks) } };
        let held = step.update_all(tracks::COLLECTION, those, doc! { "$inc": { "held": 1_i64 } }).await?;
        if usize::try_from(held) != Ok(tracks.len()) {
            return Err(CatalogError::NotFound { what: "track" });
        }
    }
    let placed: Vec<_> = ranks.iter().zip(entries).collect();
    for placed in placed.chunks(AT_ONCE) {
        let document = |(rank, entry): &(&Rank, &NewEntry)| {
            doc! {
                "_id": entry.id.key(),
                "playlist_id": id.key(),
                "track_id": entry.track_id.key(),
                "rank": rank.as_str(),
                "added_at": micros(entry.added_at),
            }
        };
        step.insert_all(COLLECTION, placed.iter().map(document).collect()).await?;
    }
    Ok(())
}
