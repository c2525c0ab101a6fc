use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::memory::store::Tables;
use crate::model::{ArtistId, ArtistRecord, Day, DayRecord, TrackId, TrackRecord};

/// A play that counts. The listener is a number that leads nowhere once the account is gone.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) artist: ArtistId,
    pub(super) track: TrackId,
    pub(super) day: Day,
    pub(super) listener: u64,
}

pub(super) fn read(tables: &Tables, id: ArtistId, from: Day, to: Day) -> ArtistRecord {
    let library = &tables.library;
    let days = from..=to;
    let heard = library.heard.iter().filter(|heard| heard.artist == id && days.contains(&heard.day));
    let heard: Vec<&Heard> = heard.collect();
    let listeners =
        |some: &[&Heard]| some.iter().map(|heard| heard.listener).collect::<HashSet<_>>().len() as u64;

    let mut records: BTreeMap<Day, DayRecord> = BTreeMap::new();
    for (day, some) in grouped(&heard, |heard| heard.day) {
        let quiet = DayRecord::quiet(day);
        records.insert(day, DayRecord { plays: some.len() as u64, listeners: listeners(&some), ..quiet });
    }
    let of_artist =
        |((artist, day), counts): (&(ArtistId, Day), &(u64, u64))| (*artist == id).then_some((*day, *counts));
    let mut followers = library.follows.keys().filter(|(_, artist)| *artist == id).count() as u64;
    for (day, (gained, lost)) in library.follow_days.iter().filter_map(of_artist) {
        if day > to {
            followers = (followers + lost).saturating_sub(gained);
        } else if day >= from {
            let record = records.entry(day).or_insert(DayRecord::quiet(day));
            (record.gained, record.lost) = (gained, lost);
        }
    }
    let mut tracks: Vec<TrackRecord> = grouped(&heard, |heard| heard.track)
        .into_iter()
        .filter_map(|(id, some)| {
            let title = tables.catalog.track(id)?.title;
            Some(TrackRecord { id, title, plays: some.len() as u64, listeners: listeners(&some) })
        })
        .collect();
    tracks.sort_by_key(|track| Reverse((track.plays, track.id)));
    tracks.truncate(ArtistRecord::MAX_TRACKS);
    ArtistRecord { listeners: listeners(&heard), followers, days: records.into_values().collect(), tracks }
}

fn grouped<'a, K: Eq + std::hash::Hash>(
    heard: &[&'a Heard],
    key: impl Fn(&Heard) -> K,
) -> HashMap<K, Vec<&'a Heard>> {
    let mut groups: HashMap<K, Vec<&Heard>> = HashMap::new();
    for heard in heard {
        groups.entry(key(heard)).or_default().push(heard);
    }
    groups
}
