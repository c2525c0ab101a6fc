//! What is counted of plays, day by day. Every counted play adds to a few rows, so that reading some
//! days costs the same however many plays they had.

use moodify_core::model::{AccountId, ArtistId, ArtistRecord, Day, DayRecord, TrackRecord};
use moodify_core::port::LibraryError;

use crate::sql::SqlStore;
use crate::sql::database::{Row, Statement, Transaction, Value};
use crate::sql::error::Fault;

/// The day before the first one on which a listener came.
const NEVER: i64 = -1;

/// Counts a play of this listener for an artist or a track.
pub(super) async fn add_play(
    transaction: &mut Transaction,
    subject: Value,
    account: AccountId,
    day: Day,
) -> Result<(), Fault> {
    let day = day.number();
    let came = Statement::new(
        "INSERT INTO listener_days (subject, account_id, day) VALUES ($1, $2, $3)
         ON CONFLICT (subject, account_id, day) DO NOTHING",
    );
    let is_new = transaction.run(came.bind(subject.clone()).bind(account).bind(day)).await? > 0;
    let count = Statement::new(
        "INSERT INTO play_days (subject, day, plays, listeners) VALUES ($1, $2, 1, $3)
         ON CONFLICT (subject, day) DO UPDATE
         SET plays = play_days.plays + 1, listeners = play_days.listeners + excluded.listeners",
    );
    transaction.run(count.bind(subject.clone()).bind(day).bind(is_new)).await?;
    if is_new { add_listener(transaction, subject, account, day).await } else { Ok(()) }
}

/// Puts a day between the days on which this listener came before and after.
async fn add_listener(
    transaction: &mut Transaction,
    subject: Value,
    account: AccountId,
    day: i64,
) -> Result<(), Fault> {
    let around = Statement::new(
        "SELECT (SELECT MAX(day) FROM listener_days WHERE subject = $1 AND account_id = $2 AND day < $3) AS earlier,
                (SELECT MIN(day) FROM listener_days WHERE subject = $1 AND account_id = $2 AND day > $3) AS later",
    );
    let around = transaction.optional(around.bind(subject.clone()).bind(account).bind(day)).await?;
    let around = around.ok_or_else(|| Fault::stored("earlier"))?;
    let before = around.optional_int("earlier")?.unwrap_or(NEVER);
    let mut steps = vec![(day, before, 1i64)];
    if let Some(after) = around.optional_int("later")? {
        steps.extend([(after, before, -1), (after, day, 1)]);
    }
    // In the order of the rows: who waits for another step's rows waits in the same direction.
    steps.sort_unstable();
    for (day, before, more) in steps {
        let upsert = Statement::new(
            "INSERT INTO audiences (subject, day, day_before, listeners) VALUES ($1, $2, $3, $4)
             ON CONFLICT (subject, day, day_before) DO UPDATE
             SET listeners = audiences.listeners + excluded.listeners",
        );
        transaction.run(upsert.bind(subject.clone()).bind(day).bind(before).bind(more)).await?;
    }
    Ok(())
}

pub(super) async fn read(
    store: &SqlStore,
    id: ArtistId,
    from: Day,
    to: Day,
) -> Result<ArtistRecord, LibraryError> {
    let (from, to) = (from.number(), to.number());
    let totals = Statement::new(
        "SELECT follower_count - (SELECT COALESCE(CAST(SUM(gained - lost) AS BIGINT), 0) FROM follow_days
                                  WHERE artist_id = $1 AND day > $3) AS followers,
                (SELECT COALESCE(CAST(SUM(listeners) AS BIGINT), 0) FROM audiences
                 WHERE subject = $1 AND day >= $2 AND day <= $3 AND day_before < $2) AS listeners
         FROM artists WHERE id = $1",
    );
    let Some(totals) = store.database.optional(totals.bind(id).bind(from).bind(to)).await? else {
        return Ok(ArtistRecord::default());
    };
    let days = Statement::new(
        "SELECT day, CAST(SUM(plays) AS BIGINT) AS plays, CAST(SUM(listeners) AS BIGINT) AS listeners,
                CAST(SUM(gained) AS BIGINT) AS gained, CAST(SUM(lost) AS BIGINT) AS lost
         FROM (SELECT day, plays, listeners, 0 AS gained, 0 AS lost FROM play_days
               WHERE subject = $1 AND day >= $2 AND day <= $3
               UNION ALL
               SELECT day, 0, 0, gained, lost FROM follow_days
               WHERE artist_id = $1 AND day >= $2 AND day <= $3) AS found
         GROUP BY day ORDER BY day",
    );
    let days = store.database.all(days.bind(id).bind(from).bind(to)).await?;
    let tracks = Statement::new(
        "SELECT id, title, plays,
                (SELECT CAST(SUM(listeners) AS BIGINT) FROM audiences
                 WHERE subject = id AND day >= $2 AND day <= $3 AND day_before < $2) AS listeners
         FROM (SELECT id, title, plays
               FROM (SELECT t.id AS id, t.title AS title,
                            (SELECT CAST(SUM(plays) AS BIGINT) FROM play_days
                             WHERE subject = t.id AND day >= $2 AND day <= $3) AS plays
                     FROM tracks AS t WHERE t.artist_id = $1) AS counted
               WHERE plays > 0 ORDER BY plays DESC, id DESC LIMIT $4) AS played
         ORDER BY plays DESC, id DESC",
    );
    let tracks = tracks.bind(id).bind(from).bind(to).bind(ArtistRecord::MAX_TRACKS);
    let tracks = store.database.all(tracks).await?;
    Ok(ArtistRecord {
        listeners: totals.unsigned("listeners")?,
        // A clock that jumped back can have noted a loss before the gain.
        followers: u64::try_from(totals.int("followers")?).unwrap_or(0),
        days: days.iter().map(day_record).collect::<Result<_, _>>()?,
        tracks: tracks.iter().map(track_record).collect::<Result<_, _>>()?,
    })
}

fn day_record(row: &Row) -> Result<DayRecord, Fault> {
    Ok(DayRecord {
        day: Day::from_number(row.int("day")?).ok_or_else(|| Fault::stored("day"))?,
        plays: row.unsigned("plays")?,
        listeners: row.unsigned("listeners")?,
        gained: row.unsigned("gained")?,
        lost: row.unsigned("lost")?,
    })
}

fn track_record(row: &Row) -> Result<TrackRecord, Fault> {
    Ok(TrackRecord {
        id: row.id("id")?,
        title: row.checked("title")?,
        plays: row.unsigned("plays")?,
        listeners: row.unsigned("listeners")?,
    })
}
