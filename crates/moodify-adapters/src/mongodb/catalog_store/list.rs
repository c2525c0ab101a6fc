//! Pages of tracks, by position: a page costs the same wherever it stands.

use std::cmp::Ordering;

use mongodb::bson::{Document, doc};
use moodify_core::model::{Page, PageSize, Track, TrackFilter, TrackSort, search as text};
use moodify_core::port::{CatalogError, TrackPosition};

use super::tracks;
use crate::mongodb::MongoStore;
use crate::mongodb::error::Fault;
use crate::mongodb::row::{Key, number};
use crate::mongodb::search;
use crate::mongodb::step::{Find, Step};

/// What everybody finds, and what only its artist does, are found apart and merged: each along an index,
/// which a condition with "or" has none for.
pub(super) async fn page(
    store: &MongoStore,
    filter: &TrackFilter,
    size: PageSize,
    after: Option<&TrackPosition>,
) -> Result<Page<Track, TrackPosition>, CatalogError> {
    let mut tracks = match &queries(filter, size, after)[..] {
        [one] => found(&mut store.database.plain(), one).await?,
        // Of one moment, or a track that is published meanwhile would be in neither.
        several => {
            let merged = store.database.atomically(|step| {
                Box::pin(async move {
                    let mut tracks = Vec::new();
                    for query in several {
                        tracks.extend(found(step, query).await?);
                    }
                    tracks.sort_by(|one, other| order(filter.sort, one, other));
                    Ok::<_, CatalogError>(tracks)
                })
            });
            merged.await?
        }
    };
    tracks.truncate(size.get() + 1);
    Ok(Page::from_surplus(tracks, size, |track| position(filter.sort, track)))
}

async fn found(step: &mut Step<'_>, query: &Find) -> Result<Vec<Track>, Fault> {
    step.read(query.clone()).await?.each(tracks::track)
}

pub(in crate::mongodb) fn queries(
    filter: &TrackFilter,
    size: PageSize,
    after: Option<&TrackPosition>,
) -> Vec<Find> {
    let listed = doc! { "listed": true };
    let conditions = match (filter.artist_id, filter.viewer) {
        (Some(artist), Some(viewer)) if artist == viewer => vec![doc! { "artist_id": artist.key() }],
        (Some(artist), _) => vec![doc! { "artist_id": artist.key(), "listed": true }],
        (None, Some(viewer)) => vec![listed, doc! { "artist_id": viewer.key(), "listed": false }],
        (None, None) => vec![listed],
    };
    conditions.into_iter().map(|condition| query(condition, filter, size, after)).collect()
}

fn query(
    mut condition: Document,
    filter: &TrackFilter,
    size: PageSize,
    after: Option<&TrackPosition>,
) -> Find {
    if let Some(genre) = &filter.genre {
        condition.insert("genre_folded", text::fold(genre.as_str()));
    }
    search::add(&mut condition, &filter.words);
    match after {
        None => {}
        Some(TrackPosition::Newest { id }) => drop(condition.insert("_id", doc! { "$lt": id.key() })),
        Some(TrackPosition::Popular { play_count, id }) => {
            let place = (("play_count", number(*play_count)), ("_id", id.key()));
            search::behind(&mut condition, "$lt", place.0, place.1);
        }
        Some(TrackPosition::Title { title, id }) => {
            search::behind(&mut condition, "$gt", ("title_folded", title.as_str()), ("_id", id.key()));
        }
    }
    let sort = match filter.sort {
        TrackSort::Newest => doc! { "_id": -1 },
        TrackSort::Popular => doc! { "play_count": -1, "_id": -1 },
        TrackSort::Title => doc! { "title_folded": 1, "_id": 1 },
    };
    Find::new(tracks::COLLECTION, condition).sort(sort).limit(size.get() + 1).fields(tracks::shown())
}

/// As the database sorts.
fn order(sort: TrackSort, one: &Track, other: &Track) -> Ordering {
    let title = |track: &Track| text::fold(track.title.as_str());
    match sort {
        TrackSort::Newest => other.id.cmp(&one.id),
        TrackSort::Popular => (other.play_count, other.id).cmp(&(one.play_count, one.id)),
        TrackSort::Title => (title(one), one.id).cmp(&(title(other), other.id)),
    }
}

pub(super) fn position(sort: TrackSort, track: &Track) -> TrackPosition {
    match sort {
        TrackSort::Newest => TrackPosition::Newest { id: track.id },
        TrackSort::Popular => TrackPosition::Popular { play_count: track.play_count, id: track.id },
        TrackSort::Title => TrackPosition::Title { title: text::fold(track.title.as_str()), id: track.id },
    }
}
