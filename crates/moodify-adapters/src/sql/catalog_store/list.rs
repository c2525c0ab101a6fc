//! Pages of tracks, by position: a page costs the same wherever it stands and however many tracks
//! there are.

use moodify_core::model::{ArtistId, Genre, Page, PageSize, Track, TrackFilter, TrackSort, search};
use moodify_core::port::{CatalogError, TrackPosition};

use super::{tracks, words};
use crate::sql::SqlStore;
use crate::sql::database::Statement;
use crate::sql::error::Fault;

pub(super) async fn page(
    store: &SqlStore,
    filter: &TrackFilter,
    size: PageSize,
    after: Option<&TrackPosition>,
) -> Result<Page<Track, TrackPosition>, CatalogError> {
    let rare = rarest_word(store, filter).await?;
    let rows = store.database.all(query(filter, rare, size, after)).await?;
    let tracks = rows.iter().map(tracks::track).collect::<Result<_, _>>()?;
    Ok(Page::from_surplus(tracks, size, |track| position(filter.sort, track)))
}

/// The index of the query word that the fewest tracks match, if they are few.
async fn rarest_word(store: &SqlStore, filter: &TrackFilter) -> Result<Option<usize>, Fault> {
    if filter.words.is_empty() {
        return Ok(None);
    }
    let Some(row) = store.database.optional(words::count(&filter.words)).await? else {
        return Ok(None);
    };
    let mut rarest = None;
    for index in 0..filter.words.len() {
        let count: usize = row.unsigned(&format!("n{index}"))?;
        if count <= words::RARE && rarest.is_none_or(|(least, _)| count < least) {
            rarest = Some((count, index));
        }
    }
    Ok(rarest.map(|(_, index)| index))
}

fn query(
    filter: &TrackFilter,
    rare: Option<usize>,
    size: PageSize,
    after: Option<&TrackPosition>,
) -> Statement {
    let mut query = tracks::select();
    push_conditions(&mut query, filter, rare, after, Part::Listed);
    // Their own artist's unlisted tracks are a second list in the same order, merged into the first.
    let own = filter.viewer.filter(|viewer| filter.artist_id.is_none_or(|artist| artist == *viewer));
    if let Some(viewer) = own {
        query.push(" UNION ALL SELECT ").push(tracks::COLUMNS);
        query.push(" FROM tracks AS t JOIN artists AS a ON a.id = t.artist_id");
        push_conditions(&mut query, filter, rare, after, Part::UnlistedOf(viewer));
    }
    query.push(match filter.sort {
        TrackSort::Newest => " ORDER BY id DESC",
        TrackSort::Popular => " ORDER BY play_count DESC, id DESC",
        TrackSort::Title => " ORDER BY title_folded, id",
    });
    query.push(" LIMIT ").push_bind(size.get() + 1);
    query
}

#[derive(Clone, Copy)]
enum Part {
    Listed,
    UnlistedOf(ArtistId),
}

fn push_conditions(
    query: &mut Statement,
    filter: &TrackFilter,
    rare: Option<usize>,
    after: Option<&TrackPosition>,
    part: Part,
) {
    match part {
        Part::Listed => query.push(" WHERE t.listed = 1"),
        Part::UnlistedOf(viewer) => query.push(" WHERE t.listed = 0 AND t.artist_id = ").push_bind(viewer),
    };
    if let (Some(artist), Part::Listed) = (filter.artist_id, part) {
        query.push(" AND t.artist_id = ").push_bind(artist);
    }
    if let Some(genre) = filter.genre.as_ref().map(Genre::as_str) {
        query.push(" AND t.genre_folded = ").push_bind(search::fold(genre));
    }
    push_after(query, after);
    for (index, word) in filter.words.iter().enumerate() {
        if rare == Some(index) {
            query.push(" AND t.id IN (SELECT w.track_id FROM track_words AS w WHERE ");
        } else {
            query.push(" AND EXISTS (SELECT 1 FROM track_words AS w WHERE w.track_id = t.id AND ");
        }
        words::push_prefix(query, "w.word", word);
        query.push(")");
    }
}

fn push_after(query: &mut Statement, after: Option<&TrackPosition>) {
    match after {
        None => {}
        Some(TrackPosition::Newest { id }) => {
            query.push(" AND t.id < ").push_bind(*id);
        }
        Some(TrackPosition::Popular { play_count, id }) => {
            query.push(" AND (t.play_count, t.id) < (").push_bind(*play_count);
            query.push(", ").push_bind(*id).push(")");
        }
        Some(TrackPosition::Title { title, id }) => {
            query.push(" AND (t.title_folded, t.id) > (").push_bind(title.as_str());
            query.push(", ").push_bind(*id).push(")");
        }
    }
}

fn position(sort: TrackSort, track: &Track) -> TrackPosition {
    match sort {
        TrackSort::Newest => TrackPosition::Newest { id: track.id },
        TrackSort::Popular => TrackPosition::Popular { play_count: track.play_count, id: track.id },
        TrackSort::Title => TrackPosition::Title { title: search::fold(track.title.as_str()), id: track.id },
    }
}
