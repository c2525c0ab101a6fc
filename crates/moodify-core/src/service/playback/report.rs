use std::time::Duration;

use jiff::Timestamp;

use super::{Connection, Playback};
use crate::Error;
use crate::model::{PlaybackState, PlaybackVersion, PositionMs, earlier, later};
use crate::port::Measurement;

/// The oldest moment that a report may tell of: a device that lost its line tells what it last knew.
const MAX_AGE: Duration = Duration::from_secs(30);

/// By how much a device may take the server's clock for later than it is.
const MAX_AHEAD: Duration = Duration::from_secs(1);

/// What a device really plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The revision it follows.
    pub rev: u64,
    /// Where it is in the track.
    pub position_ms: PositionMs,
    /// When it was there, in microseconds since 1970 on the server's clock.
    pub at_us: i64,
}

impl Playback {
    /// Takes note of what a device really plays. Returns the present version of the state: a device
    /// that follows another one has missed something.
    ///
    /// What the device that makes the sound (in a group: that leads) reports counts as heard. All
    /// devices that make sound are compared with where they should be.
    pub async fn report(&self, connection: &Connection, report: Report) -> Result<PlaybackVersion, Error> {
        let me = &connection.subscriber;
        let state = self.state(me.account).await?;
        let now = self.context.now();
        let at = Timestamp::from_microsecond(report.at_us).unwrap_or(Timestamp::MIN);
        let believable = at <= later(now, MAX_AHEAD) && at >= earlier(now, MAX_AGE);
        let at = at.min(now);
        if report.rev == state.rev && state.playing && believable {
            let makes_sound =
                me.device.as_ref().map_or(state.active_device.is_none(), |me| state.sounding().contains(me));
            if makes_sound && at.as_microsecond() >= state.at_us {
                let skew = skew(&state, report.position_ms, at);
                self.context.record(Measurement::SyncSkew { skew });
            }
            if me.device == state.active_device {
                self.note_report(me.account, &state, (me.device.as_ref(), at, report.position_ms));
            }
        }
        Ok(state.version())
    }
}

fn skew(state: &PlaybackState, position: PositionMs, at: Timestamp) -> Duration {
    Duration::from_millis(state.position_at(at).as_ms().abs_diff(position.as_ms()).into())
}
