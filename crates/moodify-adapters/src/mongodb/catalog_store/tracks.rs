use jiff::Timestamp;
use mongodb::bson::{Bson, Document, doc};
use moodify_core::model::{
    Event, Genre, Track, TrackChange, TrackId, TrackStatus, Visibility, search as text,
};
use moodify_core::port::CatalogError;

use super::{artists, entries, playlists};
use crate::mongodb::error::Fault;
use crate::mongodb::row::{Fields, Key, Row, keys, micros, number};
use crate::mongodb::step::{Find, Step};
use crate::mongodb::{MongoStore, feed, outbox, search};

pub(in crate::mongodb) const COLLECTION: &str = "tracks";

/// How many identifiers one query looks up.
const AT_ONCE: usize = 500;

const NOT_FOUND: CatalogError = CatalogError::NotFound { what: "track" };

pub(super) async fn create(store: &MongoStore, track: &Track) -> Result<(), CatalogError> {
    let created = store.database.atomically(|step| {
        Box::pin(async move {
            // Held: a new name that comes in between would leave this track at the old one.
            let artist = doc! { "_id": track.artist_id.key() };
            step.hold(artists::COLLECTION, artist.clone()).await?;
            let artist = step.find_one(artists::COLLECTION, artist).await?;
            let artist = artist.ok_or(CatalogError::NotFound { what: "artist" })?;
            step.insert(COLLECTION, document(track, artist.text("name")?)).await?;
            Ok(())
        })
    });
    created.await
}

fn document(track: &Track, artist_name: &str) -> Document {
    let mut document = doc! {
        "_id": track.id.key(),
        "artist_id": track.artist_id.key(),
        "artist_name": artist_name,
        "duration_ms": i64::from(track.duration_ms),
        "size_bytes": number(track.size_bytes),
        "audio": track.audio.key(),
        "cover": track.cover.key(),
        "play_count": number(track.play_count),
        "created_at": micros(track.created_at),
        "released": is_listed(track),
    };
    document.extend(what_changes(track));
    document.extend(search::fields([track.title.as_str(), artist_name]));
    document
}

/// What an edit or the end of an upload may change.
fn what_changes(track: &Track) -> Document {
    let genre = track.genre.as_ref().map(Genre::as_str);
    doc! {
        "title": track.title.as_str(),
        "title_folded": text::fold(track.title.as_str()),
        "genre": genre.map_or(Bson::Null, Bson::from),
        "genre_folded": genre.map_or(Bson::Null, |genre| text::fold(genre).into()),
        "visibility": track.visibility.as_str(),
        "status": track.status.as_str(),
        "listed": is_listed(track),
        "version": number(track.version),
    }
}

fn is_listed(track: &Track) -> bool {
    track.visibility == Visibility::Public && track.status == TrackStatus::Ready
}

/// Stores a changed track. Whether it is released by that: public and ready for the first time.
async fn write(step: &mut Step<'_>, known: &Row, changed: &Track) -> Result<bool, Fault> {
    let releases = is_listed(changed) && !known.flag("released")?;
    let mut set = what_changes(changed);
    if releases {
        set.insert("released", true);
    }
    if known.text("title")? != changed.title.as_str() {
        set.extend(search::fields([changed.title.as_str(), changed.artist_name.as_str()]));
    }
    step.update(COLLECTION, doc! { "_id": changed.id.key() }, doc! { "$set": set }).await?;
    Ok(releases)
}

pub(super) async fn publish(store: &MongoStore, id: TrackId, events: &[Event]) -> Result<bool, CatalogError> {
    let published = store.database.atomically(|step| {
        Box::pin(async move {
            let Some(known) = step.find_one(COLLECTION, doc! { "_id": id.key() }).await? else {
                return Ok(false);
            };
            let mut changed = track(&known)?;
            if changed.status != TrackStatus::Processing {
                return Ok(false);
            }
            changed.status = TrackStatus::Ready;
            changed.version += 1;
            write(step, &known, &changed).await?;
            outbox::append(step, events).await?;
            Ok(true)
        })
    });
    published.await
}

pub(super) async fn update(
    store: &MongoStore,
    id: TrackId,
    expected: Option<u64>,
    change: &TrackChange,
    released: &[Event],
    hidden: &[Event],
) -> Result<Track, CatalogError> {
    let updated = store.database.atomically(|step| {
        Box::pin(async move {
            let known = step.find_one(COLLECTION, doc! { "_id": id.key() }).await?.ok_or(NOT_FOUND)?;
            let mut changed = track(&known)?;
            require_version(expected, changed.version)?;
            if changed.status == TrackStatus::Processing {
                return Err(CatalogError::Processing);
            }
            changed.version += 1;
            changed.title = change.title.clone().unwrap_or(changed.title);
            changed.genre = change.genre.clone().unwrap_or(changed.genre);
            changed.visibility = change.visibility.unwrap_or(changed.visibility);
            if write(step, &known, &changed).await? {
                outbox::append(step, released).await?;
            } else if known.flag("released")? && !is_listed(&changed) {
                outbox::append(step, hidden).await?;
            }
            Ok(changed)
        })
    });
    updated.await
}

pub(super) async fn find(store: &MongoStore, id: TrackId) -> Result<Option<Track>, CatalogError> {
    let query = Find::new(COLLECTION, doc! { "_id": id.key() }).limit(1).fields(shown());
    Ok(store.database.plain().read(query).await?.each(track)?.pop())
}

/// The existing ones of these, each once.
pub(in crate::mongodb) async fn find_all(step: &mut Step<'_>, ids: &[TrackId]) -> Result<Vec<Track>, Fault> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut tracks = Vec::with_capacity(ids.len());
    for ids in ids.chunks(AT_ONCE) {
        let those = Find::new(COLLECTION, doc! { "_id": { "$in": keys(ids) } });
        tracks.extend(step.read(those.limit(ids.len()).fields(shown())).await?.each(track)?);
    }
    Ok(tracks)
}

pub(super) async fn stale(store: &MongoStore, before: Timestamp) -> Result<Vec<Track>, CatalogError> {
    let dead = doc! { "status": TrackStatus::Processing.as_str(), "created_at": { "$lt": micros(before) } };
    let query = Find::new(COLLECTION, dead).sort(doc! { "created_at": 1, "_id": 1 }).limit(100);
    let rows = store.database.plain().find(query).await?;
    Ok(rows.iter().map(track).collect::<Result<_, _>>()?)
}

pub(super) async fn delete(
    store: &MongoStore,
    id: TrackId,
    expected: Option<u64>,
    events: &[Event],
) -> Result<Option<Track>, CatalogError> {
    let deleted = store.database.atomically(|step| {
        Box::pin(async move {
            let Some(known) = step.find_one(COLLECTION, doc! { "_id": id.key() }).await? else {
                return Ok(None);
            };
            let deleted = track(&known)?;
            require_version(expected, deleted.version)?;
            step.delete(COLLECTION, doc! { "_id": id.key() }).await?;
            leave_playlists(step, id).await?;
            outbox::append(step, events).await?;
            Ok(Some(deleted))
        })
    });
    deleted.await
}

/// Takes a track out of every playlist. Each gets a new version, and tells so in its owner's feed.
async fn leave_playlists(step: &mut Step<'_>, id: TrackId) -> Result<(), Fault> {
    let with_track = doc! { "track_id": id.key() };
    let count = vec![
        doc! { "$match": with_track.clone() },
        doc! { "$group": { "_id": "$playlist_id", "entries": { "$sum": 1 } } },
    ];
    for row in step.aggregate(entries::COLLECTION, count).await? {
        let fewer = doc! { "$inc": { "version": 1_i64, "entry_count": -row.int("entries")? } };
        let by_id = doc! { "_id": row.0.get("_id") };
        let changed = step.update_returning(playlists::COLLECTION, by_id, fewer, false).await?;
        if let Some(changed) = changed {
            feed::touch_playlist(step, &playlists::playlist(&changed)?).await?;
        }
    }
    step.delete_all(entries::COLLECTION, with_track).await?;
    Ok(())
}

pub(super) fn require_version(expected: Option<u64>, current: u64) -> Result<(), CatalogError> {
    match expected {
        Some(expected) if expected != current => Err(CatalogError::StaleVersion { current }),
        _ => Ok(()),
    }
}

/// A projection to what [`track`] reads: the beginnings of all words are longer than all else together.
pub(super) fn shown() -> Document {
    doc! { "prefixes": 0, "words": 0 }
}

pub(in crate::mongodb) fn track<D: Fields>(row: &Row<D>) -> Result<Track, Fault> {
    Ok(Track {
        id: row.id("_id")?,
        artist_id: row.id("artist_id")?,
        artist_name: row.checked("artist_name")?,
        title: row.checked("title")?,
        genre: row.optional_checked("genre")?,
        duration_ms: row.unsigned("duration_ms")?,
        size_bytes: row.unsigned("size_bytes")?,
        visibility: visibility(row)?,
        status: TrackStatus::from_name(row.text("status")?).ok_or_else(|| Fault::stored("status"))?,
        audio: row.id("audio")?,
        cover: row.optional_id("cover")?,
        play_count: row.unsigned("play_count")?,
        created_at: row.time("created_at")?,
        version: row.unsigned("version")?,
    })
}

pub(super) fn visibility<D: Fields>(row: &Row<D>) -> Result<Visibility, Fault> {
    Visibility::parse(row.text("visibility")?).map_err(|_| Fault::stored("visibility"))
}
