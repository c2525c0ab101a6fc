//! Which ranks are free between two entries of a playlist that its step changes.

use mongodb::bson::doc;
use moodify_core::model::{EntryId, PlaylistId, Rank};
use moodify_core::port::EntryPosition;

use super::{entries, playlists};
use crate::mongodb::error::Fault;
use crate::mongodb::row::Key;
use crate::mongodb::step::{Find, Step};

/// A place between entries.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) playlist: PlaylistId,
    pub(super) position: EntryPosition,
    /// This entry does not count: it is about to move here.
    pub(super) without: Option<EntryId>,
}

/// This many ranks for entries that go there. If there are no more, all entries get new ones.
pub(super) async fn free(step: &mut Step<'_>, slot: Slot, count: usize) -> Result<Vec<Rank>, Fault> {
    let (before, after) = neighbours(step, slot).await?;
    if let Some(ranks) = Rank::between(before.as_ref(), after.as_ref(), count) {
        return Ok(ranks);
    }
    rank_anew(step, slot.playlist).await?;
    let (before, after) = neighbours(step, slot).await?;
    Rank::between(before.as_ref(), after.as_ref(), count).ok_or_else(|| Fault::stored("rank"))
}

async fn neighbours(step: &mut Step<'_>, slot: Slot) -> Result<(Option<Rank>, Option<Rank>), Fault> {
    let EntryPosition::At(index) = slot.position else {
        return Ok((last(step, slot).await?, None));
    };
    let (skipped, wanted) = if index == 0 { (0, 1) } else { (index - 1, 2) };
    let query = entries_of(slot).sort(doc! { "rank": 1 }).skip(skipped.into()).limit(wanted);
    let rows = step.find(query).await?;
    let mut ranks = rows.iter().map(|row| row.checked("rank")).collect::<Result<Vec<Rank>, _>>()?.into_iter();
    match (index, ranks.next()) {
        (0, first) => Ok((None, first)),
        (_, Some(before)) => Ok((Some(before), ranks.next())),
        (_, None) => Ok((last(step, slot).await?, None)),
    }
}

async fn last(step: &mut Step<'_>, slot: Slot) -> Result<Option<Rank>, Fault> {
    let rows = step.find(entries_of(slot).sort(doc! { "rank": -1 }).limit(1)).await?;
    rows.first().map(|row| row.checked("rank")).transpose()
}

fn entries_of(slot: Slot) -> Find {
    let mut filter = doc! { "playlist_id": slot.playlist.key() };
    if let Some(entry) = slot.without {
        filter.insert("_id", doc! { "$ne": entry.key() });
    }
    Find::new(entries::COLLECTION, filter)
}

/// Gives every entry a new rank in the same order.
async fn rank_anew(step: &mut Step<'_>, id: PlaylistId) -> Result<(), Fault> {
    let query = Find::new(entries::COLLECTION, doc! { "playlist_id": id.key() }).sort(doc! { "rank": 1 });
    let rows = step.find(query).await?;
    let ranked = rows
        .iter()
        .zip(Rank::spread(rows.len()))
        .map(|(row, rank)| (doc! { "_id": row.0.get("_id") }, doc! { "$set": { "rank": rank.as_str() } }));
    step.upsert_each(entries::COLLECTION, ranked).await?;
    let count = doc! { "$inc": { "ranking": 1_i64 } };
    step.update(playlists::COLLECTION, doc! { "_id": id.key() }, count).await?;
    Ok(())
}
