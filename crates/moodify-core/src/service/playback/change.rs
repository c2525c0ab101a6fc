//! How a state is replaced by the next one, whatever the reason.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Playback;
use super::transition::Scene;
use crate::Error;
use crate::model::{
    AccountId, AppliedCommand, Cause, ConnectionId, DeviceId, EntryId, Operation, PlayId, PlayWhat,
    PlaybackState, later,
};
use crate::port::{Hint, PlaybackStoreError, Subscriber};

/// What a change meets, found out beforehand.
pub(super) struct Meeting {
    pub(super) now: Timestamp,
    pub(super) start_at: Timestamp,
    pub(super) online: Vec<DeviceId>,
    pub(super) known: Vec<DeviceId>,
    pub(super) entries: Vec<EntryId>,
    play_id: PlayId,
    seed: u64,
    max_queue: usize,
    handover: Duration,
}

impl Meeting {
    pub(super) fn scene(&self, cause: Cause) -> Scene<'_> {
        Scene {
            now: self.now,
            start_at: self.start_at,
            cause,
            online: &self.online,
            known: &self.known,
            entries: &self.entries,
            play_id: self.play_id.clone(),
            seed: self.seed,
            max_queue: self.max_queue,
            handover: self.handover,
        }
    }
}

impl Playback {
    /// How often a change is tried again when another node was faster. A listener's devices rarely
    /// meet on two nodes at all.
    pub(super) const MAX_TRIES: usize = 8;

    pub(super) fn outrun() -> Error {
        Error::Busy { retry_after: Duration::from_millis(100) }
    }

    pub(super) fn meeting(
        &self,
        state: &PlaybackState,
        online: &[Subscriber],
        sender: Option<&Subscriber>,
    ) -> Meeting {
        let now = self.context.now();
        Meeting {
            now,
            start_at: later(now, self.lead(state, online, sender)),
            online: online.iter().filter_map(|subscriber| subscriber.device.clone()).collect(),
            known: Vec::new(),
            entries: Vec::new(),
            play_id: self.context.new_id(),
            seed: u64::from_ne_bytes(self.context.random()),
            max_queue: self.config.max_queue,
            handover: self.config.handover,
        }
    }

    /// How far in the future a start is scheduled: a message and its repetition reach all devices
    /// that make sound before it is due. If none of them is there, the sender may become one.
    fn lead(&self, state: &PlaybackState, online: &[Subscriber], sender: Option<&Subscriber>) -> Duration {
        let sounding = |subscriber: &&Subscriber| {
            subscriber.device.as_ref().is_some_and(|device| state.sounding().contains(device))
        };
        let worst = online.iter().filter(sounding).map(|subscriber| subscriber.round_trip).max();
        let worst = worst.or(sender.map(|sender| sender.round_trip)).unwrap_or_default();
        // At most 2 s: nobody waits longer because one device says that its line is bad.
        worst.saturating_mul(2).min(self.config.max_start_lead).max(self.config.start_lead)
    }

    pub(super) fn new_entries(&self, operation: &Operation) -> Vec<EntryId> {
        let count = match operation {
            Operation::Play { what: Some(PlayWhat::Track(_)), .. } => 1,
            Operation::SetQueue { tracks, .. } | Operation::QueueAdd { tracks, .. } => tracks.len(),
            _ => 0,
        };
        (0..count.min(self.config.max_queue)).map(|_| self.context.new_id()).collect()
    }

    /// Puts the next state in the place of this one, and tells all of the listener's connections
    /// but the one it comes from. `None`, and nothing has changed, if somebody else was faster.
    ///
    /// For whoever has the listener's turn.
    pub(super) async fn replace(
        &self,
        account: AccountId,
        from: ConnectionId,
        state: &PlaybackState,
        next: PlaybackState,
        command: Option<&AppliedCommand>,
    ) -> Result<Option<Arc<PlaybackState>>, Error> {
        let now = self.context.now();
        match self.store.replace(account, state.version(), &next, command, now).await {
            Ok(()) => {}
            Err(PlaybackStoreError::Conflict) => return Ok(None),
            Err(fault) => return Err(fault.into()),
        }
        let next = Arc::new(next);
        self.hint(account, from, Hint::State(next.clone())).await;
        if let Some(transfer) = &next.transfer {
            self.watch.add(account, self.transfer_due(transfer.until_us, now));
        }
        self.note_change(account, &next, now);
        Ok(Some(next))
    }
}
