//! Which ranks are free between two entries of a playlist that its transaction holds.

use moodify_core::model::{EntryId, PlaylistId, Rank};
use moodify_core::port::EntryPosition;

use crate::sql::database::{Statement, Transaction};
use crate::sql::error::Fault;

/// How many entries one statement ranks anew: each binds two values.
const AT_ONCE: usize = 1000;

/// A place between entries.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) playlist: PlaylistId,
    pub(super) position: EntryPosition,
    /// This entry does not count: it is about to move here.
    pub(super) without: Option<EntryId>,
}

/// This many ranks for entries that go there. If there are no more, all entries get new ones.
pub(super) async fn free(
    transaction: &mut Transaction,
    slot: Slot,
    count: usize,
) -> Result<Vec<Rank>, Fault> {
    let (before, after) = neighbours(transaction, slot).await?;
    if let Some(ranks) = Rank::between(before.as_ref(), after.as_ref(), count) {
        return Ok(ranks);
    }
    rank_anew(transaction, slot.playlist).await?;
    let (before, after) = neighbours(transaction, slot).await?;
    Rank::between(before.as_ref(), after.as_ref(), count).ok_or_else(|| Fault::stored("rank"))
}

async fn neighbours(
    transaction: &mut Transaction,
    slot: Slot,
) -> Result<(Option<Rank>, Option<Rank>), Fault> {
    let EntryPosition::At(index) = slot.position else {
        return Ok((last(transaction, slot).await?, None));
    };
    let mut query = entries(slot);
    let (skipped, wanted) = if index == 0 { (0, 1_u32) } else { (index - 1, 2) };
    query.push(" ORDER BY rank LIMIT ").push_bind(wanted).push(" OFFSET ").push_bind(skipped);
    let rows = transaction.all(query).await?;
    let mut ranks = rows.iter().map(|row| row.checked("rank")).collect::<Result<Vec<Rank>, _>>()?.into_iter();
    match (index, ranks.next()) {
        (0, first) => Ok((None, first)),
        (_, Some(before)) => Ok((Some(before), ranks.next())),
        (_, None) => Ok((last(transaction, slot).await?, None)),
    }
}

async fn last(transaction: &mut Transaction, slot: Slot) -> Result<Option<Rank>, Fault> {
    let mut query = entries(slot);
    query.push(" ORDER BY rank DESC LIMIT 1");
    transaction.optional(query).await?.map(|row| row.checked("rank")).transpose()
}

fn entries(slot: Slot) -> Statement {
    let mut query = Statement::new("SELECT rank FROM playlist_entries WHERE playlist_id = $1");
    query = query.bind(slot.playlist);
    if let Some(entry) = slot.without {
        query.push(" AND id <> ").push_bind(entry);
    }
    query
}

/// Gives every entry a new rank in the same order.
async fn rank_anew(transaction: &mut Transaction, id: PlaylistId) -> Result<(), Fault> {
    let query = Statement::new("SELECT id FROM playlist_entries WHERE playlist_id = $1 ORDER BY rank");
    let rows = transaction.all(query.bind(id)).await?;
    let ids = rows.iter().map(|row| row.id("id")).collect::<Result<Vec<EntryId>, _>>()?;
    let ranked: Vec<_> = ids.iter().zip(Rank::spread(ids.len())).collect();
    for ranked in ranked.chunks(AT_ONCE) {
        let mut update = Statement::new("WITH ranked (entry, rank) AS (VALUES ").one_off();
        update.push_list(ranked, |list, (entry, rank)| {
            list.push("(").push_bind(**entry).push(", ").push_bind(rank.as_str()).push(")");
        });
        update.push(
            ") UPDATE playlist_entries SET rank = ranked.rank FROM ranked
             WHERE playlist_entries.id = ranked.entry",
        );
        transaction.run(update).await?;
    }
    let count = Statement::new("UPDATE playlists SET ranking = ranking + 1 WHERE id = $1");
    transaction.run(count.bind(id)).await?;
    Ok(())
}
