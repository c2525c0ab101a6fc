use jiff::Timestamp;
use mongodb::bson::{Bson, Document, doc};
use moodify_core::model::play::{LONGEST_NEEDED, believed_ms, needed, taken_until};
use moodify_core::model::{
    AccountId, ArtistId, Day, DeviceId, HistoryEntry, Page, PageSize, PlayReport, Track, TrackId, later,
};
use moodify_core::port::{HistoryPosition, LibraryError};

use super::records;
use super::visible::List;
use crate::mongodb::catalog_store::tracks;
use crate::mongodb::error::Fault;
use crate::mongodb::row::{Key, Row, micros};
use crate::mongodb::step::Step;
use crate::mongodb::{MongoStore, feed};

pub(super) const COLLECTION: &str = "plays";

pub(super) async fn record(store: &MongoStore, report: &PlayReport) -> Result<bool, LibraryError> {
    let recorded = store.database.atomically(|step| {
        Box::pin(async move {
            // One play of a listener at a time: each looks at the others.
            feed::hold(step, report.account_id).await?;
            let track = step.find_one(tracks::COLLECTION, doc! { "_id": report.track_id.key() }).await?;
            let track = track.ok_or(LibraryError::NotFound { what: "track" })?;
            let (artist, duration_ms) = (track.id::<ArtistId>("artist_id")?, track.unsigned("duration_ms")?);
            let known = step.find_one(COLLECTION, key(report)).await?;
            let (started_at, known_ms, counted) = match &known {
                Some(known) if known.id::<TrackId>("track_id")? != report.track_id => {
                    return Err(LibraryError::PlayIdTaken);
                }
                Some(known) => {
                    let counted = known.optional_int("taken_until")?.is_some();
                    (known.time("started_at")?, known.unsigned("played_ms")?, counted)
                }
                None => (report.started_at, 0, false),
            };
            let played_ms = believed_ms(started_at, report.played_ms, report.reported_at).max(known_ms);
            let until = taken_until(started_at, duration_ms);
            let enough = u128::from(played_ms) >= needed(duration_ms).as_millis();
            let counts_now =
                !counted && enough && !is_taken(step, report.account_id, started_at, until).await?;
            write(step, report, played_ms, counts_now.then_some(until)).await?;
            if counts_now {
                let one_more = doc! { "$inc": { "play_count": 1_i64 } };
                step.update(tracks::COLLECTION, doc! { "_id": report.track_id.key() }, one_more).await?;
                let day = Day::of(started_at);
                records::add_play(step, artist.key(), report.account_id, day).await?;
                records::add_play(step, report.track_id.key(), report.account_id, day).await?;
            }
            Ok(counted || counts_now)
        })
    });
    recorded.await
}

fn key(report: &PlayReport) -> Document {
    doc! { "account_id": report.account_id.key(), "play_id": report.play_id.as_str() }
}

/// Whether another play counts for some of this time.
async fn is_taken(
    step: &mut Step<'_>,
    account: AccountId,
    from: Timestamp,
    until: Timestamp,
) -> Result<bool, Fault> {
    // None takes up more than the longest time: that bounds the walk on the index.
    let bound = micros(later(until, LONGEST_NEEDED));
    let taken = doc! {
        "account_id": account.key(),
        "taken_until": { "$gt": micros(from), "$lt": bound },
        "started_at": { "$lt": micros(until) },
    };
    step.exists(COLLECTION, taken).await
}

async fn write(
    step: &mut Step<'_>,
    report: &PlayReport,
    played_ms: u32,
    taken_until: Option<Timestamp>,
) -> Result<(), Fault> {
    let mut set = doc! { "played_ms": i64::from(played_ms) };
    if let Some(until) = taken_until {
        set.insert("taken_until", micros(until));
    }
    let first = doc! {
        "track_id": report.track_id.key(),
        "started_at": micros(report.started_at),
        "device_id": report.device_id.as_ref().map_or(Bson::Null, |device| DeviceId::as_str(device).into()),
    };
    step.upsert(COLLECTION, key(report), doc! { "$set": set, "$setOnInsert": first }).await
}

pub(super) async fn page(
    store: &MongoStore,
    account: AccountId,
    viewer: Option<ArtistId>,
    size: PageSize,
    after: Option<&HistoryPosition>,
) -> Result<Page<HistoryEntry, HistoryPosition>, LibraryError> {
    let filter = doc! { "account_id": account.key() };
    let list = List { collection: COLLECTION, filter, moment: "started_at", id: "play_id" };
    let after = after.map(|after| (micros(after.started_at), after.play_id.as_str().into()));
    let position = |entry: &HistoryEntry| HistoryPosition {
        started_at: entry.started_at,
        play_id: entry.play_id.clone(),
    };
    Ok(list.page(store, viewer, size, after, entry, position).await?)
}

fn entry(row: &Row, track: Track) -> Result<HistoryEntry, Fault> {
    Ok(HistoryEntry {
        play_id: row.checked("play_id")?,
        track,
        started_at: row.time("started_at")?,
        played_ms: row.unsigned("played_ms")?,
        counted: row.optional_int("taken_until")?.is_some(),
        device_id: row.optional_checked("device_id")?,
    })
}
