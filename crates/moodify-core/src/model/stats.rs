//! What an artist learns of the listeners: counts, never who they are.

use super::{Day, Title, TrackId};

/// Some days of an artist, as they are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArtistRecord {
    /// How many different listeners there were in all of these days.
    pub listeners: u64,
    /// How many followers there were at the end of the last day.
    pub followers: u64,
    /// The days on which something happened, in order.
    pub days: Vec<DayRecord>,
    /// The tracks that were played, the most played first, at most [`ArtistRecord::MAX_TRACKS`].
    pub tracks: Vec<TrackRecord>,
}

impl ArtistRecord {
    /// The most tracks that are told apart.
    pub const MAX_TRACKS: usize = 100;
}

/// One day of an artist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRecord {
    /// The day on which the plays began.
    pub day: Day,
    /// How many plays count.
    pub plays: u64,
    /// How many different listeners they had.
    pub listeners: u64,
    /// How many followed the artist.
    pub gained: u64,
    /// How many stopped.
    pub lost: u64,
}

impl DayRecord {
    /// A day on which nothing happened.
    pub fn quiet(day: Day) -> Self {
        Self { day, plays: 0, listeners: 0, gained: 0, lost: 0 }
    }
}

/// One track in the days of its artist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackRecord {
    /// The track.
    pub id: TrackId,
    /// Its title now.
    pub title: Title,
    /// How many plays count.
    pub plays: u64,
    /// How many different listeners they had.
    pub listeners: u64,
}
