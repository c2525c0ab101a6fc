//! Plays: that a listener heard a track, and what of it counts.

use std::time::Duration;

use jiff::Timestamp;

use uuid::Uuid;

use super::opaque::opaque_keys;
use super::{AccountId, DeviceId, TrackId, later};

opaque_keys! {
    /// A play, named by the device that played, or by the playback state: the key that makes a repeated report harmless.
    PlayId(64, "invalid_play_id");
}

impl From<Uuid> for PlayId {
    /// A play that the server names.
    fn from(uuid: Uuid) -> Self {
        Self(uuid.hyphenated().to_string())
    }
}

/// Longer than this nobody has to listen for a play to count.
pub const LONGEST_NEEDED: Duration = Duration::from_secs(240);

/// How far the clock of a device may be off: so much later than now a play may begin, and so much
/// more than the time since then it may have been heard.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// How long after its beginning a play may first be reported, by a device that was out of reach.
pub const LATEST_REPORT: Duration = Duration::from_secs(24 * 60 * 60);

/// What a device says of a play. It may say so again when it has gone on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayReport {
    /// The listener.
    pub account_id: AccountId,
    /// The key of the play: one play of one listener.
    pub play_id: PlayId,
    /// The track.
    pub track_id: TrackId,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it was heard, in milliseconds.
    pub played_ms: u32,
    /// Which device played it.
    pub device_id: Option<DeviceId>,
    /// When this was said, by the server's clock.
    pub reported_at: Timestamp,
}

/// How long a track of this length must be heard for the play to count: half of it, rounded up, and
/// no longer than [`LONGEST_NEEDED`].
pub fn needed(duration_ms: u32) -> Duration {
    Duration::from_millis(duration_ms.div_ceil(2).max(1).into()).min(LONGEST_NEEDED)
}

/// What is believed of a play that began then and is said to have been heard for so long: no more
/// than the time that has passed, with [`CLOCK_TOLERANCE`].
pub fn believed_ms(started_at: Timestamp, played_ms: u32, now: Timestamp) -> u32 {
    let passed = later(now, CLOCK_TOLERANCE).duration_since(started_at);
    let passed = u32::try_from(passed.as_millis().max(0)).unwrap_or(u32::MAX);
    played_ms.min(passed)
}

/// The end of the time that a play takes up if it counts. Nobody hears two tracks at once: the times
/// that the counted plays of a listener take up do not overlap, so that plays count no faster than
/// time passes, whatever a device says.
pub fn taken_until(started_at: Timestamp, duration_ms: u32) -> Timestamp {
    later(started_at, needed(duration_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_track_is_needed_and_four_minutes_are_enough() {
        for (duration_ms, needed_ms) in
            [(0, 1), (1, 1), (2, 1), (3, 2), (187_001, 93_501), (480_000, 240_000), (u32::MAX, 240_000)]
        {
            assert_eq!(needed(duration_ms).as_millis(), needed_ms, "{duration_ms}");
        }
    }

    #[test]
    fn nobody_has_heard_more_than_time_has_passed() {
        let start = Timestamp::from_second(1_000_000).unwrap();
        for (seconds_later, said, believed) in [
            (100, 90_000, 90_000),
            (100, 160_000, 160_000),
            (100, 160_001, 160_000),
            (0, u32::MAX, 60_000),
            (-60, 5, 0),
            (-1_000_000, 5, 0),
            (10_000_000, u32::MAX, u32::MAX),
        ] {
            let now = Timestamp::from_second(1_000_000 + seconds_later).unwrap();
            assert_eq!(believed_ms(start, said, now), believed, "{seconds_later}");
        }
    }
}
