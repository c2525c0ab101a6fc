use jiff::Timestamp;
use moodify_core::model::{
    Event, Genre, Title, Track, TrackChange, TrackId, TrackStatus, Visibility, search,
};
use moodify_core::port::CatalogError;

use super::{postings, words};
use crate::sql::database::{Row, Statement, Transaction};
use crate::sql::error::Fault;
use crate::sql::{SqlStore, feed};

/// What [`track`] reads, from `tracks AS t`. The artist is looked up for the rows that are returned
/// alone, not for those that a condition or limit drops, as it would be in a join.
pub(in crate::sql) const COLUMNS: &str = "t.id AS id, t.artist_id, (SELECT name FROM artists WHERE artists.id = t.artist_id) AS artist_name, \
     t.title, t.genre, t.duration_ms, t.size_bytes, t.visibility, t.status, t.audio, t.cover, t.play_count AS play_count, t.created_at, \
     t.version";

/// How many identifiers one query looks up.
const AT_ONCE: usize = 500;

pub(super) async fn create(store: &SqlStore, track: &Track) -> Result<(), CatalogError> {
    let mut transaction = store.database.begin().await?;
    // A new name that comes in between would leave this track's words at the old one.
    let lock = Statement::new("SELECT 1 FROM artists WHERE id = $1 FOR SHARE");
    transaction.lock(lock.bind(track.artist_id)).await?;
    let query = Statement::new("SELECT name FROM artists WHERE id = $1").bind(track.artist_id);
    let artist = transaction.optional(query).await?.ok_or(CatalogError::NotFound { what: "artist" })?;
    let artist_name = artist.text("name")?;
    let inserted = transaction.optional(insert(track, &artist_name)).await?;
    let number = inserted.ok_or_else(|| Fault::stored("number"))?.unsigned("number")?;
    words::add_track(&mut transaction, track, number, &artist_name).await?;
    release(&mut transaction, track.id).await?;
    Ok(transaction.commit().await?)
}

fn insert(track: &Track, artist_name: &str) -> Statement {
    let genre = track.genre.as_ref().map(Genre::as_str);
    Statement::new(
        "INSERT INTO tracks (id, artist_id, title, title_folded, genre, genre_folded, duration_ms, size_bytes,
                             visibility, status, audio, cover, play_count, created_at, version, words, number)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
                 (SELECT COALESCE(MAX(number), 0) + 1 FROM tracks))
         RETURNING number",
    )
    .bind(track.id)
    .bind(track.artist_id)
    .bind(track.title.as_str())
    .bind(search::fold(track.title.as_str()))
    .bind(genre)
    .bind(genre.map(search::fold))
    .bind(track.duration_ms)
    .bind(track.size_bytes)
    .bind(track.visibility.as_str())
    .bind(track.status.as_str())
    .bind(track.audio)
    .bind(track.cover)
    .bind(track.play_count)
    .bind(track.created_at)
    .bind(track.version)
    .bind(words::text(track.title.as_str(), artist_name))
}

pub(super) async fn publish(store: &SqlStore, id: TrackId, events: &[Event]) -> Result<bool, CatalogError> {
    let mut transaction = store.database.begin().await?;
    let update =
        Statement::new("UPDATE tracks SET status = $1, version = version + 1 WHERE id = $2 AND status = $3");
    let (from, to) = (TrackStatus::Processing, TrackStatus::Ready);
    if transaction.run(update.bind(to.as_str()).bind(id).bind(from.as_str())).await? == 0 {
        return Ok(false);
    }
    release(&mut transaction, id).await?;
    store.commit(transaction, events).await?;
    Ok(true)
}

pub(super) async fn update(
    store: &SqlStore,
    id: TrackId,
    expected: Option<u64>,
    change: &TrackChange,
    released: &[Event],
    hidden: &[Event],
) -> Result<Track, CatalogError> {
    let mut transaction = store.database.begin().await?;
    let row = transaction.optional(rewrite(id, change)).await?;
    let row = row.ok_or(CatalogError::NotFound { what: "track" })?;
    require_version(expected, row.unsigned("old_version")?)?;
    let changed = transaction.optional(by_id(id)).await?.as_ref().map(track).transpose()?;
    let changed = changed.ok_or(CatalogError::NotFound { what: "track" })?;
    if changed.status == TrackStatus::Processing {
        return Err(CatalogError::Processing);
    }
    words::change_track(&mut transaction, &changed, row.unsigned("number")?, change).await?;
    let events = if release(&mut transaction, id).await? {
        released
    } else if !hidden.is_empty() && is_withdrawn(&mut transaction, id).await? {
        hidden
    } else {
        &[]
    };
    store.commit(transaction, events).await?;
    Ok(changed)
}

fn rewrite(id: TrackId, change: &TrackChange) -> Statement {
    let title = change.title.as_ref().map(Title::as_str);
    let mut update = Statement::new(
        "UPDATE tracks SET title = COALESCE($1, title), title_folded = COALESCE($2, title_folded),
                           visibility = COALESCE($3, visibility), version = version + 1",
    )
    .bind(title)
    .bind(title.map(search::fold))
    .bind(change.visibility.map(Visibility::as_str));
    if let Some(genre) = &change.genre {
        let genre = genre.as_ref().map(Genre::as_str);
        update.push(", genre = ").push_bind(genre);
        update.push(", genre_folded = ").push_bind(genre.map(search::fold));
    }
    update.push(" WHERE id = ").push_bind(id).push(" RETURNING version - 1 AS old_version, number");
    update
}

/// Notes that a track is public and ready. Whether it is for the first time.
async fn release(transaction: &mut Transaction, id: TrackId) -> Result<bool, Fault> {
    let update =
        Statement::new("UPDATE tracks SET released = 1 WHERE id = $1 AND listed = 1 AND released = 0");
    Ok(transaction.run(update.bind(id)).await? > 0)
}

/// Whether a track was released, and is not public now.
async fn is_withdrawn(transaction: &mut Transaction, id: TrackId) -> Result<bool, Fault> {
    let query = Statement::new("SELECT 1 FROM tracks WHERE id = $1 AND listed = 0 AND released = 1");
    Ok(transaction.optional(query.bind(id)).await?.is_some())
}

pub(super) async fn find(store: &SqlStore, id: TrackId) -> Result<Option<Track>, CatalogError> {
    Ok(store.database.optional(by_id(id)).await?.as_ref().map(track).transpose()?)
}

fn by_id(id: TrackId) -> Statement {
    let mut query = select();
    query.push(" WHERE t.id = ").push_bind(id);
    query
}

pub(super) async fn find_all(store: &SqlStore, ids: &[TrackId]) -> Result<Vec<Track>, CatalogError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut tracks = Vec::with_capacity(ids.len());
    for ids in ids.chunks(AT_ONCE) {
        let mut query = select();
        query.push(" WHERE t.id").push_in(ids);
        for row in store.database.all(query).await? {
            tracks.push(track(&row)?);
        }
    }
    Ok(tracks)
}

pub(super) async fn stale(store: &SqlStore, before: Timestamp) -> Result<Vec<Track>, CatalogError> {
    let mut query = select();
    // The status stands in the text, so that the partial index is found.
    query.push(" WHERE t.status = 'processing' AND t.created_at < ").push_bind(before);
    query.push(" ORDER BY t.created_at, t.id LIMIT 100");
    let rows = store.database.all(query).await?;
    Ok(rows.iter().map(track).collect::<Result<_, _>>()?)
}

pub(super) async fn delete(
    store: &SqlStore,
    id: TrackId,
    expected: Option<u64>,
    events: &[Event],
) -> Result<Option<Track>, CatalogError> {
    let mut transaction = store.database.begin().await?;
    // First the track, so that no further playlist takes it, then the playlists that have it, in one
    // order and apart from counting: what is counted must be what they have once they are held.
    transaction.lock(Statement::new("SELECT 1 FROM tracks WHERE id = $1 FOR UPDATE").bind(id)).await?;
    let playlists = Statement::new(
        "SELECT 1 FROM playlists WHERE id IN (SELECT playlist_id FROM playlist_entries WHERE track_id = $1)
         ORDER BY id FOR UPDATE",
    );
    transaction.lock(playlists.bind(id)).await?;
    let Some(deleted) = transaction.optional(by_id(id)).await?.as_ref().map(track).transpose()? else {
        return Ok(None);
    };
    require_version(expected, deleted.version)?;
    let update = Statement::new(
        "UPDATE playlists SET version = version + 1, entry_count = entry_count -
             (SELECT COUNT(*) FROM playlist_entries WHERE playlist_id = playlists.id AND track_id = $1)
         WHERE id IN (SELECT playlist_id FROM playlist_entries WHERE track_id = $1)",
    );
    transaction.run(update.bind(id)).await?;
    feed::touch_playlists_with(&mut transaction, id).await?;
    // Its playlist entries and words go with it.
    transaction.run(Statement::new("DELETE FROM tracks WHERE id = $1").bind(id)).await?;
    postings::prune(&mut transaction, words::of_track(&deleted)).await?;
    store.commit(transaction, events).await?;
    Ok(Some(deleted))
}

pub(super) fn require_version(expected: Option<u64>, current: u64) -> Result<(), CatalogError> {
    match expected {
        Some(expected) if expected != current => Err(CatalogError::StaleVersion { current }),
        _ => Ok(()),
    }
}

/// A query of tracks that still lacks its condition.
pub(super) fn select() -> Statement {
    let mut query = Statement::new("SELECT ");
    query.push(COLUMNS).push(" FROM tracks AS t");
    query
}

pub(in crate::sql) fn track(row: &Row) -> Result<Track, Fault> {
    Ok(Track {
        id: row.id("id")?,
        artist_id: row.id("artist_id")?,
        artist_name: row.checked("artist_name")?,
        title: row.checked("title")?,
        genre: row.optional_checked("genre")?,
        duration_ms: row.unsigned("duration_ms")?,
        size_bytes: row.unsigned("size_bytes")?,
        visibility: visibility(row)?,
        status: TrackStatus::from_name(&row.text("status")?).ok_or_else(|| Fault::stored("status"))?,
        audio: row.id("audio")?,
        cover: row.optional_id("cover")?,
        play_count: row.unsigned("play_count")?,
        created_at: row.time("created_at")?,
        version: row.unsigned("version")?,
    })
}

pub(super) fn visibility(row: &Row) -> Result<Visibility, Fault> {
    Visibility::parse(&row.text("visibility")?).map_err(|_| Fault::stored("visibility"))
}
