//! What to do about a clock that was set back: what it scheduled before would wait until it catches up.

use jiff::Timestamp;

use super::Playback;
use crate::model::{AccountId, CLOCKS_APART, PlaybackState, PositionMs, is_due_within, later};

impl Playback {
    /// Where playback goes on if the clock was set back since this state was made, or since its device
    /// last said where it is: no start is scheduled so far ahead. `None` if it was not.
    pub(super) fn place_before_set_back(
        &self,
        account: AccountId,
        state: &PlaybackState,
        now: Timestamp,
    ) -> Option<PositionMs> {
        if !state.playing {
            return None;
        }
        let made_at = Timestamp::from_microsecond(state.at_us).unwrap_or(now);
        let (at, place) = self.plays.place(account, state).unwrap_or((made_at, state.position_ms));
        let lead = self.config.max_start_lead.max(self.config.start_lead);
        (at > later(now, lead + CLOCKS_APART)).then_some(place)
    }

    /// The state as it is by the clock of now. If that was set back, everybody is told soon.
    pub(super) fn by_this_clock(&self, account: AccountId, mut state: PlaybackState) -> PlaybackState {
        let now = self.context.now();
        if let Some(place) = self.place_before_set_back(account, &state, now) {
            state.position_ms = place;
            state.at_us = now.as_microsecond();
            self.watch.add(account, now);
        }
        state
    }

    /// Until when a device that left then is waited for; `None` if no longer. A server that has just
    /// started waits for everybody.
    pub(super) fn due_back(&self, left_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let due = later(left_at.max(self.started_at), self.config.absence);
        (!is_due_within(due, now, self.config.absence + CLOCKS_APART)).then_some(due)
    }

    /// When a transfer that waits until then has to be looked at.
    pub(super) fn transfer_due(&self, until_us: i64, now: Timestamp) -> Timestamp {
        let until = Timestamp::from_microsecond(until_us).unwrap_or(now);
        if is_due_within(until, now, self.config.handover + CLOCKS_APART) { now } else { until }
    }
}
