use crate::Error;
use crate::model::{ArtistRecord, Caller, Day, DayRecord, Invalid, TrackRecord};
use crate::service::Catalog;

/// The most days that one answer tells of: a leap year.
const MAX_DAYS: i64 = 366;

/// How many days are told of unless asked for others.
const DEFAULT_DAYS: i64 = 30;

/// Which days an artist asks for, both included.
#[derive(Clone, Copy, Debug, Default)]
pub struct StatsQuery {
    /// Default: so that there are 30 days.
    pub from: Option<Day>,
    /// Default: today, in UTC.
    pub to: Option<Day>,
}

/// What happened to an artist in some days.
#[derive(Clone, Debug)]
pub struct ArtistStats {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// How many plays count.
    pub plays: u64,
    /// How many different listeners they had.
    pub listeners: u64,
    /// How many followers there were at the end of the last day.
    pub followers: u64,
    /// Every day from the first to the last.
    pub days: Vec<ArtistDay>,
    /// The most played tracks.
    pub tracks: Vec<TrackRecord>,
}

/// One day of an artist.
#[derive(Clone, Copy, Debug)]
pub struct ArtistDay {
    /// What happened.
    pub record: DayRecord,
    /// How many followers there were at its end.
    pub followers: u64,
}

impl Catalog {
    /// What happened to the caller, who is an artist.
    ///
    /// # Errors
    /// `artist_only`; `before_from` and `range_too_long` at `/to`.
    pub async fn artist_stats(&self, caller: &Caller, query: StatsQuery) -> Result<ArtistStats, Error> {
        let refused = Error::Forbidden { code: "artist_only", message: "Only artists have statistics." };
        let id = caller.artist_id.ok_or(refused)?;
        let to = query.to.unwrap_or_else(|| Day::of(self.inner.context.now()));
        let from = query.from.unwrap_or_else(|| to.plus(1 - DEFAULT_DAYS));
        check_range(from, to)?;
        let record = self.inner.parts.library.artist_record(id, from, to).await?;
        let days = every_day(from, to, &record);
        let plays = days.iter().map(|day| day.record.plays).sum();
        let ArtistRecord { listeners, followers, tracks, .. } = record;
        Ok(ArtistStats { from, to, plays, listeners, followers, days, tracks })
    }
}

fn check_range(from: Day, to: Day) -> Result<(), Error> {
    if to < from {
        let why = Invalid::new("before_from", "The last day comes before the first one.");
        return Err(Error::invalid("/to", why));
    }
    if to.number() - from.number() >= MAX_DAYS {
        let why = Invalid::new("range_too_long", format!("Ask for at most {MAX_DAYS} days at once."));
        return Err(Error::invalid("/to", why));
    }
    Ok(())
}

/// All days with their followers, counted back from the last one.
fn every_day(from: Day, to: Day, record: &ArtistRecord) -> Vec<ArtistDay> {
    let (mut days, mut followers) = (Vec::new(), record.followers);
    let mut known = record.days.iter().rev().peekable();
    let mut day = to;
    while day >= from {
        let record = known.next_if(|record| record.day == day).copied().unwrap_or(DayRecord::quiet(day));
        days.push(ArtistDay { record, followers });
        followers = (followers + record.lost).saturating_sub(record.gained);
        day = day.plus(-1);
    }
    days.reverse();
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_there_and_followers_are_counted_back() {
        let day = |text| Day::parse(text).unwrap();
        let busy =
            DayRecord { plays: 3, listeners: 2, gained: 5, lost: 1, ..DayRecord::quiet(day("2026-03-01")) };
        let last = DayRecord { gained: 2, ..DayRecord::quiet(day("2026-03-03")) };
        let record = ArtistRecord { followers: 10, days: vec![busy, last], ..ArtistRecord::default() };
        let days = every_day(day("2026-02-28"), day("2026-03-03"), &record);
        let told: Vec<_> =
            days.iter().map(|day| (day.record.day.to_string(), day.record.plays, day.followers)).collect();
        let expected =
            [("2026-02-28", 0, 4), ("2026-03-01", 3, 8), ("2026-03-02", 0, 8), ("2026-03-03", 0, 10)];
        assert_eq!(told, expected.map(|(day, plays, followers)| (day.to_owned(), plays, followers)));
    }

    #[test]
    fn a_leap_year_is_the_longest_range() {
        let day = |text| Day::parse(text).unwrap();
        assert!(check_range(day("2024-01-01"), day("2024-12-31")).is_ok());
        assert!(check_range(day("2024-01-01"), day("2025-01-01")).is_err());
        assert!(check_range(day("2024-01-02"), day("2024-01-01")).is_err());
        assert!(check_range(day("2024-01-01"), day("2024-01-01")).is_ok());
        assert!(check_range(day("-009999-01-01"), day("9999-12-31")).is_err());
    }
}
