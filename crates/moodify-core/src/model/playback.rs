//! What a listener's devices play together.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{DeviceId, Invalid, PlayId, PlayQueue, QueueEntry, opaque::opaque_keys};

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

impl Epoch {
    /// The history's name as a UUID.
    pub fn as_uuid(self) -> Uuid {
        self.0
    }
}

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

    /// So many seconds from the start.
    pub const fn from_secs(secs: u16) -> Self {
        Self(secs as u32 * 1_000)
    }

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
    type Error = Invalid;

    fn try_from(ms: u32) -> Result<Self, Self::Error> {
        if ms > Self::MAX.0 {
            return Err(Invalid::new("invalid_position", "No track is that long."));
        }
        Ok(Self(ms))
    }
}

/// Seconds of track per second: 1.0 is normal speed.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub struct Rate(f64);

impl Rate {
    /// Normal speed.
    pub const NORMAL: Self = Self(1.0);
    /// The slowest there is.
    pub const MIN: Self = Self(0.5);
    /// The fastest there is.
    pub const MAX: Self = Self(2.0);

    /// As a factor.
    pub fn as_f64(self) -> f64 {
        self.0
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self::NORMAL
    }
}

impl TryFrom<f64> for Rate {
    type Error = Invalid;

    fn try_from(rate: f64) -> Result<Self, Invalid> {
        if !(Self::MIN.0..=Self::MAX.0).contains(&rate) {
            return Err(Invalid::new("invalid_rate", "Use a rate from 0.5 to 2."));
        }
        Ok(Self(rate))
    }
}

/// How loud a device is: 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8")]
pub struct Volume(u8);

impl Volume {
    /// As loud as can be.
    pub const MAX: Self = Self(100);

    /// In percent.
    pub fn as_percent(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Volume {
    type Error = Invalid;

    fn try_from(percent: u8) -> Result<Self, Invalid> {
        if percent > Self::MAX.0 {
            return Err(Invalid::new("invalid_volume", "Use a volume from 0 to 100."));
        }
        Ok(Self(percent))
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

/// Which command led to a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The command.
    pub command_id: CommandId,
    /// Who sent it; `None` when the socket had not introduced itself.
    pub device_id: Option<DeviceId>,
}

/// Sound on its way from some devices to others: it moves when those it goes to are ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The command that asked for it, by which the devices tell it from others.
    pub command_id: CommandId,
    /// Where it goes.
    pub to: Vec<DeviceId>,
    /// Those of them that are ready.
    pub ready: Vec<DeviceId>,
    /// Until when the others may become ready, in microseconds since 1970. Then it goes without
    /// them; if nobody is ready, it is undone.
    pub until_us: i64,
}

/// The truth about a listener's playback.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaybackState {
    /// The history that `rev` counts in.
    pub epoch: Epoch,
    /// Grows by one with every change.
    pub rev: u64,
    /// What plays and what comes next, in the order it plays in.
    pub queue: PlayQueue,
    /// Grows by one with every change of `queue`.
    pub queue_rev: u64,
    /// The current entry; `None` exactly when the queue is empty.
    pub index: Option<u32>,
    /// This run through the current entry, from its start to whatever ends it; `None` exactly when
    /// the queue is empty. A play that is reported under this id counts once, whoever reports it.
    pub play_id: Option<PlayId>,
    /// Whether time passes in the track.
    pub playing: bool,
    /// Where the track was at `at_us`.
    pub position_ms: PositionMs,
    /// The moment that `position_ms` is true for, in microseconds since 1970 on the server's
    /// clock. In the future when a start is scheduled.
    pub at_us: i64,
    /// Seconds of track per second; 1.0 is normal speed.
    pub rate: Rate,
    /// What happens at the end.
    pub repeat: Repeat,
    /// Whether the queue is in a mixed order.
    pub shuffle: bool,
    /// How loud each device is, 0 to 100. Devices that never set it are absent.
    pub volumes: BTreeMap<DeviceId, Volume>,
    /// Who makes sound in mode `single`; who leads in mode `group`: it goes on to the next track
    /// at the end of one, and what it plays counts.
    pub active_device: Option<DeviceId>,
    /// Who makes sound.
    pub mode: PlaybackMode,
    /// Who makes sound in mode `group`; empty in mode `single`.
    pub group: Vec<DeviceId>,
    /// Sound on its way to other devices.
    pub transfer: Option<Transfer>,
    /// What led here; `None` for the first state of an epoch.
    pub cause: Option<Cause>,
}

impl PlaybackState {
    /// Nothing plays: the first state of an epoch.
    pub fn initial(epoch: Epoch, now: Timestamp) -> Self {
        Self {
            epoch,
            rev: 0,
            queue: PlayQueue::default(),
            queue_rev: 0,
            index: None,
            play_id: None,
            playing: false,
            position_ms: PositionMs::ZERO,
            at_us: now.as_microsecond(),
            rate: Rate::NORMAL,
            repeat: Repeat::default(),
            shuffle: false,
            volumes: BTreeMap::new(),
            active_device: None,
            mode: PlaybackMode::default(),
            group: Vec::new(),
            transfer: None,
            cause: None,
        }
    }

    /// Which state this is.
    pub fn version(&self) -> PlaybackVersion {
        PlaybackVersion { epoch: self.epoch, rev: self.rev }
    }

    /// The current entry.
    pub fn current(&self) -> Option<&QueueEntry> {
        self.queue.get(usize::try_from(self.index?).ok()?)
    }

    /// The devices that make sound.
    pub fn sounding(&self) -> &[DeviceId] {
        match self.mode {
            PlaybackMode::Single => self.active_device.as_slice(),
            PlaybackMode::Group => &self.group,
        }
    }

    /// Where the track is at this moment. Before a scheduled start it waits at the start's
    /// position.
    pub fn position_at(&self, moment: Timestamp) -> PositionMs {
        if !self.playing {
            return self.position_ms;
        }
        let elapsed_us = moment.as_microsecond().saturating_sub(self.at_us).max(0);
        // Exact below 2^53 µs (285 years); a float's cast to an integer saturates.
        let played_ms = (elapsed_us as f64 * self.rate.as_f64() / 1000.0) as u32;
        PositionMs::saturating(self.position_ms.as_ms().saturating_add(played_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playing(position: u32, rate: f64) -> PlaybackState {
        let mut state = PlaybackState::initial(Epoch(Uuid::nil()), Timestamp::UNIX_EPOCH);
        state.playing = true;
        state.position_ms = PositionMs(position);
        state.rate = Rate(rate);
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
    }

    #[test]
    fn the_json_has_the_documented_names() {
        let state = PlaybackState::initial(Epoch(Uuid::nil()), Timestamp::UNIX_EPOCH);
        let json = serde_json::to_value(&state).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "epoch": "00000000-0000-0000-0000-000000000000", "rev": 0, "queue": [], "queue_rev": 0,
                "index": null, "play_id": null, "playing": false, "position_ms": 0, "at_us": 0, "rate": 1.0,
                "repeat": "off", "shuffle": false, "volumes": {}, "active_device": null,
                "mode": "single", "group": [], "transfer": null, "cause": null,
            })
        );
        assert_eq!(serde_json::from_value::<PlaybackState>(json).unwrap(), state);
    }

    #[test]
    fn rates_and_volumes_have_bounds() {
        for good in ["0.5", "1", "1.25", "2.0"] {
            assert!(serde_json::from_str::<Rate>(good).is_ok(), "{good}");
        }
        for bad in ["0.49", "2.01", "-1", "0", "1e308", "null", "\"1\""] {
            assert!(serde_json::from_str::<Rate>(bad).is_err(), "{bad}");
        }
        assert!(Rate::try_from(f64::NAN).is_err());
        assert_eq!(serde_json::from_str::<Volume>("100").unwrap(), Volume::MAX);
        for bad in ["101", "-1", "256", "0.5"] {
            assert!(serde_json::from_str::<Volume>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn positions_are_int32() {
        assert_eq!(serde_json::from_str::<PositionMs>("2147483647").unwrap(), PositionMs::MAX);
        for bad in ["2147483648", "-1", "1.5", "\"1\"", "null"] {
            assert!(serde_json::from_str::<PositionMs>(bad).is_err(), "{bad}");
        }
    }
}
