use jiff::Timestamp;
use moodify_core::model::play::{LONGEST_NEEDED, believed_ms, needed, taken_until};
use moodify_core::model::{
    AccountId, ArtistId, Day, DeviceId, HistoryEntry, Page, PageSize, PlayReport, TrackId, later,
};
use moodify_core::port::{HistoryPosition, LibraryError};

use super::{push_visible, records};
use crate::sql::catalog_store::tracks;
use crate::sql::database::{Row, Statement, Transaction, Value};
use crate::sql::error::Fault;
use crate::sql::{SqlStore, feed};

const NOT_FOUND: LibraryError = LibraryError::NotFound { what: "track" };

/// What is kept of a play.
struct Stored {
    track: TrackId,
    started_at: Timestamp,
    played_ms: u32,
    counted: bool,
}

pub(super) async fn record(store: &SqlStore, report: &PlayReport) -> Result<bool, LibraryError> {
    let mut transaction = store.database.begin().await?;
    let lock = Statement::new("SELECT 1 FROM tracks WHERE id = $1 FOR NO KEY UPDATE");
    transaction.lock(lock.bind(report.track_id)).await?;
    // One play of a listener at a time: each looks at the others.
    feed::hold(&mut transaction, report.account_id).await?;
    let track = Statement::new("SELECT artist_id, duration_ms FROM tracks WHERE id = $1");
    let track = transaction.optional(track.bind(report.track_id)).await?.ok_or(NOT_FOUND)?;
    let (artist, duration_ms) = (track.id::<ArtistId>("artist_id")?, track.unsigned("duration_ms")?);
    let stored = find(&mut transaction, report).await?;
    if stored.as_ref().is_some_and(|stored| stored.track != report.track_id) {
        return Err(LibraryError::PlayIdTaken);
    }
    let (started_at, known_ms, counted) = match &stored {
        Some(stored) => (stored.started_at, stored.played_ms, stored.counted),
        None => (report.started_at, 0, false),
    };
    let played_ms = known_ms.max(believed_ms(started_at, report.played_ms, report.reported_at));
    let until = taken_until(started_at, duration_ms);
    let enough = u128::from(played_ms) >= needed(duration_ms).as_millis();
    let counts_now =
        !counted && enough && !is_taken(&mut transaction, report.account_id, started_at, until).await?;
    let until = counts_now.then_some(until);
    write(&mut transaction, report, started_at, played_ms, until).await?;
    if counts_now {
        let update = Statement::new("UPDATE tracks SET play_count = play_count + 1 WHERE id = $1");
        transaction.run(update.bind(report.track_id)).await?;
        let day = Day::of(started_at);
        records::add_play(&mut transaction, artist.into(), report.account_id, day).await?;
        records::add_play(&mut transaction, report.track_id.into(), report.account_id, day).await?;
    }
    transaction.commit().await?;
    Ok(counted || counts_now)
}

async fn find(transaction: &mut Transaction, report: &PlayReport) -> Result<Option<Stored>, Fault> {
    let query = Statement::new(
        "SELECT track_id, started_at, played_ms, taken_until FROM plays WHERE account_id = $1 AND play_id = $2",
    );
    let query = query.bind(report.account_id).bind(report.play_id.as_str());
    let Some(row) = transaction.optional(query).await? else { return Ok(None) };
    Ok(Some(Stored {
        track: row.id("track_id")?,
        started_at: row.time("started_at")?,
        played_ms: row.unsigned("played_ms")?,
        counted: row.optional_int("taken_until")?.is_some(),
    }))
}

/// Whether another play counts for some of this time.
async fn is_taken(
    transaction: &mut Transaction,
    account: AccountId,
    from: Timestamp,
    until: Timestamp,
) -> Result<bool, Fault> {
    // None takes up more than the longest time: the last condition bounds the walk on the index.
    let query = Statement::new(
        "SELECT 1 FROM plays
         WHERE account_id = $1 AND taken_until IS NOT NULL AND taken_until > $2 AND started_at < $3
             AND taken_until < $4
         LIMIT 1",
    );
    let bound = later(until, LONGEST_NEEDED);
    let query = query.bind(account).bind(from).bind(until).bind(bound);
    Ok(transaction.optional(query).await?.is_some())
}

async fn write(
    transaction: &mut Transaction,
    report: &PlayReport,
    started_at: Timestamp,
    played_ms: u32,
    taken_until: Option<Timestamp>,
) -> Result<(), Fault> {
    let upsert = Statement::new(
        "INSERT INTO plays (account_id, play_id, track_id, started_at, played_ms, device_id, taken_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (account_id, play_id) DO UPDATE SET played_ms = excluded.played_ms,
             taken_until = COALESCE(plays.taken_until, excluded.taken_until)",
    );
    let upsert = upsert
        .bind(report.account_id)
        .bind(report.play_id.as_str())
        .bind(report.track_id)
        .bind(started_at)
        .bind(played_ms)
        .bind(report.device_id.as_ref().map(DeviceId::as_str))
        .bind(Value::Int(taken_until.map(Timestamp::as_microsecond)));
    transaction.run(upsert).await?;
    Ok(())
}

pub(super) async fn page(
    store: &SqlStore,
    account: AccountId,
    viewer: Option<ArtistId>,
    size: PageSize,
    after: Option<&HistoryPosition>,
) -> Result<Page<HistoryEntry, HistoryPosition>, LibraryError> {
    let mut query =
        Statement::new("SELECT p.play_id, p.started_at, p.played_ms, p.device_id, p.taken_until, ");
    query.push(tracks::COLUMNS);
    // CROSS JOIN: SQLite begins with what stands first, and walks the plays in their order.
    query.push(" FROM plays AS p CROSS JOIN tracks AS t WHERE t.id = p.track_id AND p.account_id = ");
    query.push_bind(account);
    push_visible(&mut query, viewer);
    if let Some(after) = after {
        query.push(" AND (p.started_at, p.play_id) < (").push_bind(after.started_at);
        query.push(", ").push_bind(after.play_id.as_str()).push(")");
    }
    query.push(" ORDER BY p.started_at DESC, p.play_id DESC LIMIT ").push_bind(size.get() + 1);
    let rows = store.database.all(query).await?;
    let plays = rows.iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Page::from_surplus(plays, size, |entry: &HistoryEntry| HistoryPosition {
        started_at: entry.started_at,
        play_id: entry.play_id.clone(),
    }))
}

fn entry(row: &Row) -> Result<HistoryEntry, Fault> {
    Ok(HistoryEntry {
        play_id: row.checked("play_id")?,
        track: tracks::track(row)?,
        started_at: row.time("started_at")?,
        played_ms: row.unsigned("played_ms")?,
        counted: row.optional_int("taken_until")?.is_some(),
        device_id: row.optional_checked("device_id")?,
    })
}
