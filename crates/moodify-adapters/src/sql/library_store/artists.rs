use moodify_core::model::{ArtistId, ArtistSummary, Page, PageSize};
use moodify_core::port::{ArtistPosition, LibraryError};

use crate::sql::SqlStore;
use crate::sql::catalog_store::{artists, words};
use crate::sql::database::{Row, Statement};
use crate::sql::error::Fault;

/// What [`summary`] reads, from `artists AS a`.
pub(super) const COLUMNS: &str = "a.id AS id, a.account_id, a.name, a.named_at, a.created_at, \
     a.follower_count AS follower_count, \
     (SELECT COUNT(*) FROM tracks WHERE tracks.artist_id = a.id AND tracks.listed = 1) AS track_count";

/// So many artists whose name has a word are looked up and sorted; of more, enough for a page are soon
/// met among all artists in their order.
const LOOKED_UP: usize = 1_000;

pub(super) async fn find(store: &SqlStore, id: ArtistId) -> Result<Option<ArtistSummary>, LibraryError> {
    let mut query = Statement::new("SELECT ");
    query.push(COLUMNS).push(" FROM artists AS a WHERE a.id = ").push_bind(id);
    Ok(store.database.optional(query).await?.as_ref().map(summary).transpose()?)
}

pub(super) async fn page(
    store: &SqlStore,
    words: &[String],
    size: PageSize,
    after: Option<&ArtistPosition>,
) -> Result<Page<ArtistSummary, ArtistPosition>, LibraryError> {
    let looked_up = word_to_look_up(store, words).await?;
    // What is counted for each artist is counted for those of the page alone: outside of the limit.
    let mut query = Statement::new("SELECT ");
    query
        .push(COLUMNS)
        .push(" FROM (SELECT a.id, a.account_id, a.name, a.named_at, a.created_at, a.follower_count FROM ");
    if let Some(word) = looked_up {
        query.push("(SELECT DISTINCT artist_id FROM artist_words WHERE ");
        words::push_prefix(&mut query, "word", &words[word]);
        // CROSS JOIN: SQLite begins with what stands first, and here that is what was found.
        query.push(") AS found CROSS JOIN artists AS a WHERE a.id = found.artist_id");
    } else {
        query.push("artists AS a WHERE 1 = 1");
    }
    for (_, word) in words.iter().enumerate().filter(|(index, _)| looked_up != Some(*index)) {
        query.push(" AND EXISTS (SELECT 1 FROM artist_words AS w WHERE w.artist_id = a.id AND ");
        words::push_prefix(&mut query, "w.word", word);
        query.push(")");
    }
    if let Some(after) = after {
        query.push(" AND (a.follower_count, a.id) < (").push_bind(after.follower_count);
        query.push(", ").push_bind(after.id).push(")");
    }
    query.push(" ORDER BY a.follower_count DESC, a.id DESC LIMIT ").push_bind(size.get() + 1);
    query.push(") AS a ORDER BY a.follower_count DESC, a.id DESC");
    let rows = store.database.all(query).await?;
    let found = rows.iter().map(summary).collect::<Result<_, _>>()?;
    Ok(Page::from_surplus(found, size, |summary: &ArtistSummary| ArtistPosition {
        follower_count: summary.follower_count,
        id: summary.artist.id,
    }))
}

/// The index of the query word that the fewest artists have; none if a single one is so frequent that
/// looking through all artists is faster.
async fn word_to_look_up(store: &SqlStore, words: &[String]) -> Result<Option<usize>, Fault> {
    if words.is_empty() {
        return Ok(None);
    }
    let most = if words.len() == 1 { LOOKED_UP } else { 10 * LOOKED_UP };
    let mut query = Statement::new("SELECT ");
    query.push_list(words.iter().enumerate(), |list, (index, word)| {
        list.push("(SELECT COUNT(*) FROM (SELECT 1 FROM artist_words WHERE ");
        words::push_prefix(list, "word", word);
        list.push(" LIMIT ").push_bind(most + 1).push(&format!(") AS found) AS n{index}"));
    });
    let row = store.database.optional(query).await?.ok_or_else(|| Fault::stored("n0"))?;
    let mut rarest = (0, usize::MAX);
    for index in 0..words.len() {
        let count = row.unsigned(&format!("n{index}"))?;
        if count < rarest.1 {
            rarest = (index, count);
        }
    }
    Ok((words.len() > 1 || rarest.1 <= most).then_some(rarest.0))
}

pub(super) fn summary(row: &Row) -> Result<ArtistSummary, Fault> {
    Ok(ArtistSummary {
        artist: artists::artist(row)?,
        follower_count: row.unsigned("follower_count")?,
        track_count: row.unsigned("track_count")?,
    })
}
