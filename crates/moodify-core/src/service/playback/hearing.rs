//! How long a track was really heard.

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::model::event::PlayReported;
use crate::model::{
    AccountId, DeviceId, Event, EventId, EventPayload, PlayId, PlaybackState, PositionMs, Rate, TrackId,
    earlier,
};
use crate::service::Context;

/// For how long a device that says nothing is believed to play on.
const MAX_SILENCE: Duration = Duration::from_secs(30);

/// What was heard for less is not worth telling: somebody skips through the queue.
const MIN_HEARD: Duration = Duration::from_secs(5);

/// One run through a track, as its device reports it.
///
/// Between two reports at most the time that passed was heard, and at most what the position moved:
/// neither a jump nor a stalled player counts.
#[derive(Clone, Debug)]
pub(super) struct Hearing {
    play_id: PlayId,
    track_id: TrackId,
    started_at: Timestamp,
    heard: Duration,
    /// How much of it was told.
    told: Duration,
    // The device that reported last; without a report nothing is known to have been heard.
    device: Option<Option<DeviceId>>,
    basis: Option<Basis>,
    /// Since when it stands still.
    pub(super) resting_since: Option<Timestamp>,
}

/// A moment and a place from which time is counted.
#[derive(Clone, Copy, Debug)]
struct Basis {
    at: Timestamp,
    position: PositionMs,
    rate: Rate,
}

impl Basis {
    fn of(state: &PlaybackState, now: Timestamp) -> Option<Self> {
        let due = Timestamp::from_microsecond(state.at_us).unwrap_or(now);
        state.playing.then(|| Self { at: due.max(now), position: state.position_at(now), rate: state.rate })
    }
}

impl Hearing {
    /// The run that this state is in, from now on.
    pub(super) fn of(state: &PlaybackState, now: Timestamp) -> Option<Self> {
        let basis = Basis::of(state, now)?;
        Some(Self {
            play_id: state.play_id.clone()?,
            track_id: state.current()?.track_id,
            started_at: basis.at,
            heard: Duration::ZERO,
            told: Duration::ZERO,
            device: None,
            basis: Some(basis),
            resting_since: None,
        })
    }

    pub(super) fn is_of(&self, state: &PlaybackState) -> bool {
        state.play_id.as_ref() == Some(&self.play_id)
    }

    /// When and where the device last was, if it goes on and ever said so to this process.
    pub(super) fn place(&self) -> Option<(Timestamp, PositionMs)> {
        self.device.as_ref()?;
        self.basis.map(|basis| (basis.at, basis.position))
    }

    /// The device is at this place at this moment.
    pub(super) fn report(&mut self, device: Option<&DeviceId>, at: Timestamp, position: PositionMs) {
        let Some(basis) = self.basis else { return };
        let moved_ms = position.as_ms().saturating_sub(basis.position.as_ms());
        let moved = Duration::from_millis(moved_ms.into()).div_f64(basis.rate.as_f64());
        self.heard += passed(basis.at, at).min(moved);
        self.device = Some(device.cloned());
        // A report from before the start says nothing of what follows.
        self.basis = Some(Basis { at: at.max(basis.at), position, ..basis });
    }

    /// The state changes, or the run ends: until now it is believed to have gone on.
    pub(super) fn interrupt(&mut self, now: Timestamp) {
        if let Some(basis) = self.basis.take() {
            self.heard += passed(basis.at, now).min(MAX_SILENCE);
        }
        self.resting_since = Some(now);
    }

    /// The run goes on, or rests, as the state says.
    pub(super) fn go_on(&mut self, state: &PlaybackState, now: Timestamp) {
        self.basis = Basis::of(state, now);
        if self.basis.is_some() {
            self.resting_since = None;
        }
    }

    /// The play, as far as it was heard, as an event; `None` when there is nothing new to tell. The same
    /// play, heard for as long, is the same event.
    pub(super) fn news(&mut self, account: AccountId, context: &Context) -> Option<Event> {
        let is_news = self.heard >= MIN_HEARD && self.heard > self.told;
        let device_id = self.device.clone().filter(|_| is_news)?;
        self.told = self.heard;
        let played_ms =
            u32::try_from(self.heard.as_millis()).unwrap_or(u32::MAX).min(PositionMs::MAX.as_ms());
        let play = PlayReported {
            account_id: account,
            track_id: self.track_id,
            play_id: self.play_id.clone(),
            // Later only by a clock that was set back since.
            started_at: self.started_at.min(earlier(context.now(), self.heard)),
            played_ms,
            device_id,
        };
        let id = event_id(account, &self.play_id, played_ms);
        Some(context.event_with_id(id, EventPayload::PlayReported(play)))
    }
}

fn passed(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or(Duration::ZERO)
}

fn event_id(account: AccountId, play: &PlayId, played_ms: u32) -> EventId {
    let mut hash = Sha256::new();
    hash.update(b"play_reported");
    hash.update(account.as_uuid().as_bytes());
    hash.update(play.as_str().as_bytes());
    hash.update(played_ms.to_be_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().into()
}
