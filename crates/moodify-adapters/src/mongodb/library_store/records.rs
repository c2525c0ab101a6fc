//! What is counted of plays, day by day. Every counted play adds to a few documents, so that reading some
//! days costs the same however many plays they had.
//!
//! A day's audience is counted by the day on which each listener came before: `audiences` says how many
//! listeners heard the subject on `day`, and before that last on `day_before` (-1: never). Those of any days are
//! counted by the first of these days on which they came, without knowing who they were.

use std::collections::{BTreeMap, HashMap};

use mongodb::bson::{Bson, Document, doc};
use moodify_core::model::{AccountId, ArtistId, ArtistRecord, Day, DayRecord, TrackId, TrackRecord};
use moodify_core::port::LibraryError;

use crate::mongodb::MongoStore;
use crate::mongodb::catalog_store::{artists, tracks};
use crate::mongodb::error::Fault;
use crate::mongodb::row::{Key, number};
use crate::mongodb::step::{Find, Step};

pub(super) const LISTENER_DAYS: &str = "listener_days";
pub(super) const PLAY_DAYS: &str = "play_days";
pub(super) const AUDIENCES: &str = "audiences";
pub(super) const FOLLOW_DAYS: &str = "follow_days";

/// The day before the first one on which a listener came.
const NEVER: i64 = -1;

/// Counts a play of this listener for an artist or a track.
pub(super) async fn add_play(
    step: &mut Step<'_>,
    subject: Bson,
    account: AccountId,
    day: Day,
) -> Result<(), Fault> {
    let day = day.number();
    let came = doc! { "subject": subject.clone(), "account_id": account.key() };
    let mut this_day = came.clone();
    this_day.insert("day", day);
    let is_new = !step.exists(LISTENER_DAYS, this_day.clone()).await?;
    let one_more = doc! { "$inc": { "plays": 1_i64, "listeners": i64::from(is_new) } };
    step.upsert(PLAY_DAYS, doc! { "subject": subject.clone(), "day": day }, one_more).await?;
    if is_new {
        add_listener(step, subject, came, day).await?;
        step.insert(LISTENER_DAYS, this_day).await?;
    }
    Ok(())
}

/// Puts a day between the days on which this listener came before and after.
async fn add_listener(step: &mut Step<'_>, subject: Bson, came: Document, day: i64) -> Result<(), Fault> {
    let before = nearest(step, came.clone(), doc! { "$lt": day }, -1).await?.unwrap_or(NEVER);
    let mut steps = vec![(day, before, 1_i64)];
    if let Some(after) = nearest(step, came, doc! { "$gt": day }, 1).await? {
        steps.extend([(after, before, -1), (after, day, 1)]);
    }
    for (day, before, more) in steps {
        let audience = doc! { "subject": subject.clone(), "day": day, "day_before": before };
        step.upsert(AUDIENCES, audience, doc! { "$inc": { "listeners": more } }).await?;
    }
    Ok(())
}

async fn nearest(
    step: &mut Step<'_>,
    mut came: Document,
    range: Document,
    direction: i32,
) -> Result<Option<i64>, Fault> {
    came.insert("day", range);
    let rows = step.find(Find::new(LISTENER_DAYS, came).sort(doc! { "day": direction }).limit(1)).await?;
    rows.first().map(|row| row.int("day")).transpose()
}

/// Some days, both included.
#[derive(Clone, Copy)]
struct Days {
    from: i64,
    to: i64,
}

impl Days {
    fn condition(self) -> Document {
        doc! { "$gte": self.from, "$lte": self.to }
    }
}

pub(super) async fn read(
    store: &MongoStore,
    id: ArtistId,
    from: Day,
    to: Day,
) -> Result<ArtistRecord, LibraryError> {
    let days = Days { from: from.number(), to: to.number() };
    let mut step = store.database.plain();
    let Some(artist) = step.find_one(artists::COLLECTION, doc! { "_id": id.key() }).await? else {
        return Ok(ArtistRecord::default());
    };
    // How many there were at the end of the last day: what came later is taken back.
    let later = doc! { "artist_id": id.key(), "day": { "$gt": days.to } };
    let sum = doc! { "_id": Bson::Null, "more": { "$sum": { "$subtract": ["$gained", "$lost"] } } };
    let later = step.aggregate(FOLLOW_DAYS, vec![doc! { "$match": later }, doc! { "$group": sum }]).await?;
    let later = later.first().map_or(Ok(0), |row| row.int("more"))?;
    let listeners = audience(&mut step, vec![id.key()], days).await?;
    let played = played(&mut step, id, days).await?;
    Ok(ArtistRecord {
        listeners: listeners.values().sum(),
        // A clock that jumped back can have noted a loss before the gain.
        followers: u64::try_from(artist.int("follower_count")? - later).unwrap_or(0),
        days: by_day(&mut step, id, days).await?,
        tracks: played,
    })
}

async fn by_day(step: &mut Step<'_>, id: ArtistId, days: Days) -> Result<Vec<DayRecord>, Fault> {
    let mut records = BTreeMap::new();
    let of = |day: i64| {
        let day = Day::from_number(day).ok_or_else(|| Fault::stored("day"))?;
        Ok::<_, Fault>(DayRecord { day, plays: 0, listeners: 0, gained: 0, lost: 0 })
    };
    let plays = doc! { "subject": id.key(), "day": days.condition() };
    for row in step.find(Find::new(PLAY_DAYS, plays)).await? {
        let day = row.int("day")?;
        let record =
            DayRecord { plays: row.unsigned("plays")?, listeners: row.unsigned("listeners")?, ..of(day)? };
        records.insert(day, record);
    }
    let follows = doc! { "artist_id": id.key(), "day": days.condition() };
    for row in step.find(Find::new(FOLLOW_DAYS, follows)).await? {
        let day = row.int("day")?;
        let record = match records.remove(&day) {
            Some(record) => record,
            None => of(day)?,
        };
        let record = DayRecord { gained: row.unsigned("gained")?, lost: row.unsigned("lost")?, ..record };
        records.insert(day, record);
    }
    Ok(records.into_values().collect())
}

/// The most played tracks that still exist.
async fn played(step: &mut Step<'_>, id: ArtistId, days: Days) -> Result<Vec<TrackRecord>, Fault> {
    let of_artist = Find::new(tracks::COLLECTION, doc! { "artist_id": id.key() });
    let tracks = step.find(of_artist.fields(doc! { "title": 1 })).await?;
    let mut titles = HashMap::new();
    for track in &tracks {
        titles.insert(track.id::<TrackId>("_id")?, track);
    }
    let subjects: Vec<Bson> = titles.keys().map(|id| id.key()).collect();
    let most = vec![
        doc! { "$match": { "subject": { "$in": subjects }, "day": days.condition() } },
        doc! { "$group": { "_id": "$subject", "plays": { "$sum": "$plays" } } },
        doc! { "$match": { "plays": { "$gt": 0_i64 } } },
        doc! { "$sort": { "plays": -1, "_id": -1 } },
        doc! { "$limit": number(ArtistRecord::MAX_TRACKS) },
    ];
    let most = step.aggregate(PLAY_DAYS, most).await?;
    let ids = most.iter().map(|row| row.id("_id")).collect::<Result<Vec<TrackId>, _>>()?;
    let listeners = audience(step, ids.iter().map(|id| id.key()).collect(), days).await?;
    let mut records = Vec::with_capacity(most.len());
    for (row, id) in most.iter().zip(ids) {
        let track = titles.get(&id).ok_or_else(|| Fault::stored("subject"))?;
        records.push(TrackRecord {
            id,
            title: track.checked("title")?,
            plays: row.unsigned("plays")?,
            listeners: listeners.get(&id.as_uuid()).copied().unwrap_or(0),
        });
    }
    Ok(records)
}

/// How many listeners each of these had on any of the days.
async fn audience(
    step: &mut Step<'_>,
    subjects: Vec<Bson>,
    days: Days,
) -> Result<HashMap<uuid::Uuid, u64>, Fault> {
    let first_came =
        doc! { "subject": { "$in": subjects }, "day": days.condition(), "day_before": { "$lt": days.from } };
    let sum = doc! { "_id": "$subject", "listeners": { "$sum": "$listeners" } };
    let rows = step.aggregate(AUDIENCES, vec![doc! { "$match": first_came }, doc! { "$group": sum }]).await?;
    rows.iter().map(|row| Ok((row.id("_id")?, row.unsigned("listeners")?))).collect()
}
