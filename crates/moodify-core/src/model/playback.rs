//! What a listener's devices play together.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{DeviceId, EntryId, TrackId, opaque::opaque_keys};

opaque_keys! {
    /// A playback command, named by the device that sends it: the key that makes a repeated
    /// command harmless.
    CommandId(64, "invalid_command_id");
}

impl From<Uuid> for CommandId {
    /// A key for a command that came without one.
    fn from(uuid: Uuid) -> Self {
        Self(uuid.hyphenated().to_string())
    }
}

/// One unbroken history of revisions. It changes when the store has lost the state: revisions of
/// different epochs cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(Uuid);

impl From<Uuid> for Epoch {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

/// Which state this is: the revision grows by one with every change within an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaybackVersion {
    /// The history.
    pub epoch: Epoch,
    /// The place in it.
    pub rev: u64,
}

/// A place in a track, in milliseconds from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32")]
pub struct PositionMs(u32);

impl PositionMs {
    /// The start.
    pub const ZERO: Self = Self(0);
    /// The furthest there is: positions are int32 on the wire.
    pub const MAX: Self = Self(i32::MAX as u32);

    /// This place, or the furthest there is.
    pub fn saturating(ms: u32) -> Self {
        Self(ms.min(Self::MAX.0))
    }

    /// In milliseconds.
    pub fn as_ms(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for PositionMs {
    type Error = super::Invalid;

    fn try_from(ms: u32) -> Result<Self, Self::Error> {
        if ms > Self::MAX.0 {
            return Err(super::Invalid::new("invalid_position", "No track is that long."));
        }
        Ok(Self(ms))
    }
}

/// What happens when the queue or track ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// It stops after the queue.
    #[default]
    Off,
    /// The same track again.
    One,
    /// The queue again.
    All,
}

/// Who makes sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaybackMode {
    /// One device; the others show and control.
    #[default]
    Single,
    /// All selected devices together.
    Group,
}

/// One place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// Identifier of the place: a track may stand in the queue twice.
    pub entry_id: EntryId,
    /// The track.
    pub track_id: TrackId,
}

/// Which command led to a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The command.
    pub command_id: CommandId,
    /// Who sent it; `None` when the socket had not introduced itself.
    pub device_id: Option<DeviceId>,
}

/// The truth about a listener's playback.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaybackState {
    /// The history that `rev` counts in.
    pub epoch: Epoch,
    /// Grows by one with every change.
    pub rev: u64,
    /// What plays and what comes next.
    pub queue: Vec<QueueEntry>,
    /// Grows by one with every change of `queue`.
    pub queue_rev: u64,
    /// The current entry; `None` exactly when the queue is empty.
    pub index: Option<u32>,
    /// Whether time passes in the track.
    pub playing: bool,
    /// Where the track was at `at_us`.
    pub position_ms: PositionMs,
    /// The moment that `position_ms` is true for, in microseconds since 1970 on the server's
    /// clock. In the future when a start is scheduled.
    pub at_us: i64,
    /// Seconds of track per second; 1.0 is normal speed.
    pub rate: f64,
    /// What happens at the end.
    pub repeat: Repeat,
    /// Whether the next track is chosen at random.
    pub shuffle: bool,
    /// How loud each device is, 0 to 100. Devices that never set it are absent.
    pub volumes: BTreeMap<DeviceId, u8>,
    /// Who makes sound in mode `single`.
    pub active_device: Option<DeviceId>,
    /// Who makes sound.
    pub mode: PlaybackMode,
    /// What led here; `None` for the first state of an epoch.
    pub cause: Option<Cause>,
}

impl PlaybackState {
    /// Nothing plays: the first state of an epoch.
    pub fn initial(epoch: Epoch, now: Timestamp) -> Self {
        Self {
            epoch,
            rev: 0,
            queue: Vec::new(),
            queue_rev: 0,
            index: None,
            playing: false,
            position_ms: PositionMs::ZERO,
            at_us: now.as_microsecond(),
            rate: 1.0,
            repeat: Repeat::default(),
            shuffle: false,
            volumes: BTreeMap::new(),
            active_device: None,
            mode: PlaybackMode::default(),
            cause: None,
        }
    }

    /// Which state this is.
    pub fn version(&self) -> PlaybackVersion {
        PlaybackVersion { epoch: self.epoch, rev: self.rev }
    }

    /// Where the track is at this moment. Before a scheduled start it waits at the start's
    /// position.
    pub fn position_at(&self, moment: Timestamp) -> PositionMs {
        if !self.playing {
            return self.position_ms;
        }
        let elapsed_us = moment.as_microsecond().saturating_sub(self.at_us).max(0);
        // Exact below 2^53 µs (285 years); a float's cast to an integer saturates.
        let played_ms = (elapsed_us as f64 * self.rate / 1000.0) as u32;
        PositionMs::saturating(self.position_ms.as_ms().saturating_add(played_ms))
    }
}

/// What a device asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its key.
    pub id: CommandId,
    /// The state it was meant for: it is refused when that is not the current one.
    pub expect: Option<PlaybackVersion>,
    /// What is to happen.
    pub operation: Operation,
}

/// What is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Let time pass.
    Play {
        /// Jump to this track: to its first place in the queue, or, if it is not there, to a new
        /// queue of this track alone. Without it the current track goes on.
        track_id: Option<TrackId>,
        /// Start here. Without it a new track starts at its beginning, the current one where it is.
        position_ms: Option<PositionMs>,
    },
    /// Let time stand still.
    Pause,
    /// Go to a place in the current track.
    Seek {
        /// The place.
        position_ms: PositionMs,
    },
}

/// A command that took effect: what its sender is told, also when it asks again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedCommand {
    /// The command.
    pub id: CommandId,
    /// The state it led to.
    pub version: PlaybackVersion,
    /// The moment it takes effect, in microseconds since 1970.
    pub at_us: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playing(position: u32, rate: f64) -> PlaybackState {
        let mut state = PlaybackState::initial(Epoch(Uuid::nil()), Timestamp::UNIX_EPOCH);
        state.playing = true;
        state.position_ms = PositionMs(position);
        state.rate = rate;
        state
    }

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    #[test]
    fn time_passes_at_the_rate_while_playing() {
        assert_eq!(playing(1_000, 1.0).position_at(ms(2_500)), PositionMs(3_500));
        assert_eq!(playing(1_000, 1.5).position_at(ms(2_000)), PositionMs(4_000));
        let paused = PlaybackState { playing: false, ..playing(1_000, 1.0) };
        assert_eq!(paused.position_at(ms(9_000)), PositionMs(1_000));
    }

    #[test]
    fn position_waits_for_a_scheduled_start_and_never_overflows() {
        assert_eq!(playing(700, 1.0).position_at(ms(-150)), PositionMs(700));
        assert_eq!(playing(700, 1.0).position_at(Timestamp::MIN), PositionMs(700));
        assert_eq!(playing(700, 2.0).position_at(Timestamp::MAX), PositionMs::MAX);
        assert_eq!(playing(700, f64::NAN).position_at(ms(5)), PositionMs(700));
    }

    #[test]
    fn the_json_has_the_documented_names() {
        let state = PlaybackState::initial(Epoch(Uuid::nil()), Timestamp::UNIX_EPOCH);
        let json = serde_json::to_value(&state).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "epoch": "00000000-0000-0000-0000-000000000000", "rev": 0, "queue": [], "queue_rev": 0,
                "index": null, "playing": false, "position_ms": 0, "at_us": 0, "rate": 1.0,
                "repeat": "off", "shuffle": false, "volumes": {}, "active_device": null,
                "mode": "single", "cause": null,
            })
        );
        assert_eq!(serde_json::from_value::<PlaybackState>(json).unwrap(), state);
    }

    #[test]
    fn positions_are_int32() {
        assert_eq!(serde_json::from_str::<PositionMs>("2147483647").unwrap(), PositionMs::MAX);
        for bad in ["2147483648", "-1", "1.5", "\"1\"", "null"] {
            assert!(serde_json::from_str::<PositionMs>(bad).is_err(), "{bad}");
        }
    }
}
