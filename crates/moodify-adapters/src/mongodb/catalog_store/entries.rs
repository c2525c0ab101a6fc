use std::collections::HashMap;

use jiff::Timestamp;
use mongodb::bson::{Document, doc};
use moodify_core::model::playlist::NewEntry;
use moodify_core::model::{
    EntryId, Page, PageSize, Playlist, PlaylistEntry, PlaylistId, Rank, Track, TrackId,
};
use moodify_core::port::{CatalogError, EntryPlace, EntryPosition};

use super::ranks::{self, Slot};
use super::{playlists, tracks};
use crate::mongodb::MongoStore;
use crate::mongodb::error::Fault;
use crate::mongodb::row::{Fields, Key, Row, keys, micros};
use crate::mongodb::step::{Find, Step};

pub(in crate::mongodb) const COLLECTION: &str = "playlist_entries";

/// How many entries are inserted at once.
const AT_ONCE: usize = 1000;

/// Without a transaction, which would double the commands: what one of these reads may be younger than what the one
/// before it read. The count of rankings only grows. Read before the entries of a first page, it makes a place
/// that is refused if the ranks are of a later ranking; read behind those of another page, it tells that they are of
/// the same one. A track that went in between took its entry along.
pub(super) async fn page(
    store: &MongoStore,
    id: PlaylistId,
    size: PageSize,
    after: Option<&EntryPlace>,
) -> Result<Page<PlaylistEntry, EntryPlace>, CatalogError> {
    let mut step = store.database.plain();
    let none = Page { items: Vec::new(), next: None };
    let (ranking, placed) = match after {
        None => {
            let Some(ranking) = ranking(&mut step, id).await? else { return Ok(none) };
            (ranking, step.read(query(id, size, None)).await?.each(placed)?)
        }
        Some(after) => {
            let placed = step.read(query(id, size, Some(after))).await?.each(placed)?;
            let Some(ranking) = ranking(&mut step, id).await? else { return Ok(none) };
            if after.ranking != ranking {
                return Err(CatalogError::PlaceLost);
            }
            (ranking, placed)
        }
    };
    let ids: Vec<TrackId> = placed.iter().map(|placed| placed.track).collect();
    Ok(paged(placed, tracks::find_all(&mut step, &ids).await?, ranking, size))
}

/// How often a playlist was ranked anew; `None` if there is no such playlist.
async fn ranking(step: &mut Step<'_>, id: PlaylistId) -> Result<Option<u64>, Fault> {
    let counted = Find::new(playlists::COLLECTION, doc! { "_id": id.key() }).fields(doc! { "ranking": 1 });
    Ok(step.read(counted.limit(1)).await?.each(|row| row.unsigned("ranking"))?.pop())
}

/// An entry without its track.
pub(super) struct Placed {
    id: EntryId,
    track: TrackId,
    added_at: Timestamp,
    rank: Rank,
}

/// A projection to what [`placed`] reads.
pub(super) fn shown() -> Document {
    doc! { "track_id": 1, "added_at": 1, "rank": 1 }
}

pub(super) fn placed<D: Fields>(row: &Row<D>) -> Result<Placed, Fault> {
    Ok(Placed {
        id: row.id("_id")?,
        track: row.id("track_id")?,
        added_at: row.time("added_at")?,
        rank: row.checked("rank")?,
    })
}

/// A page from the entries that were read, one more than it may have, and their tracks.
pub(super) fn paged(
    placed: Vec<Placed>,
    tracks: Vec<Track>,
    ranking: u64,
    size: PageSize,
) -> Page<PlaylistEntry, EntryPlace> {
    let page = Page::from_surplus(placed, size, |last| EntryPlace { ranking, rank: last.rank.clone() });
    let known: HashMap<TrackId, Track> = tracks.into_iter().map(|track| (track.id, track)).collect();
    let entries = page.items.into_iter().filter_map(|placed| {
        let track = known.get(&placed.track)?.clone();
        Some(PlaylistEntry { id: placed.id, track, added_at: placed.added_at })
    });
    Page { items: entries.collect(), next: page.next }
}

fn query(id: PlaylistId, size: PageSize, after: Option<&EntryPlace>) -> Find {
    let mut filter = doc! { "playlist_id": id.key() };
    if let Some(after) = after {
        filter.insert("rank", doc! { "$gt": after.rank.as_str() });
    }
    Find::new(COLLECTION, filter).sort(doc! { "rank": 1 }).limit(size.get() + 1).fields(shown())
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
