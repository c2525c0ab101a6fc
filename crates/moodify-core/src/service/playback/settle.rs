//! What happens to playback by itself: transfers that nobody answers, devices that stay away,
//! plays that have ended.

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Playback;
use super::transition::{abandoned, overdue, resumed};
use crate::Error;
use crate::model::{AccountId, Cause, DeviceId, PlaybackState, later};
use crate::port::Subscriber;

/// When something that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

impl Playback {
    /// Does what has to be done between messages, until told to stop; then hands over what was
    /// played so far.
    pub async fn run(&self, stop: &CancellationToken) {
        tokio::join!(self.keep_settling(stop), self.notice_deserted(stop));
        self.plays.end_all(self.context.now());
        if !self.publish_plays().await {
            tracing::warn!("some plays were not published and are lost");
        }
    }

    async fn notice_deserted(&self, stop: &CancellationToken) {
        loop {
            let gone = tokio::select! {
                () = stop.cancelled() => return,
                gone = self.hub.deserted() => gone,
            };
            if let Err(error) = self.deserted(&gone).await {
                tracing::warn!(account = %gone.account, %error, "that a device's process died was not noted");
            }
        }
    }

    async fn keep_settling(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            self.settle_due().await;
            let all_published = self.publish_plays().await;
            let now = self.context.now();
            let failed = (!all_published).then(|| later(now, AGAIN));
            let due = [self.watch.earliest(), failed].into_iter().flatten().min();
            let wait = async {
                match due.map(|due| due.duration_since(now).try_into().unwrap_or(Duration::ZERO)) {
                    Some(wait) => self.context.clock.sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.watch.changed() => {}
                () = wait => {}
            }
        }
    }

    /// Looks at every listener whose moment has come.
    pub async fn settle_due(&self) {
        while let Some(account) = self.watch.take_due(self.context.now()) {
            if let Err(error) = self.settle(account).await {
                tracing::warn!(%account, %error, "a listener's playback was not looked at; it is again");
                self.watch.add(account, later(self.context.now(), AGAIN));
            }
        }
    }

    async fn settle(&self, account: AccountId) -> Result<(), Error> {
        let _turn = self.turns.take(account).await;
        for _ in 0..Self::MAX_TRIES {
            let Some(state) = self.store.load(account).await? else { return Ok(()) };
            let Some(next) = self.by_itself(account, &state).await? else {
                if let Some(due) = self.plays.settle(account, self.context.now()) {
                    self.watch.add(account, due);
                }
                return Ok(());
            };
            // From nobody's connection: everybody hears it.
            let nobody = self.context.new_id();
            self.replace(account, nobody, &state, next, None).await?;
        }
        Err(Self::outrun())
    }

    /// What follows from the time that has passed; looks again when more may.
    async fn by_itself(
        &self,
        account: AccountId,
        state: &PlaybackState,
    ) -> Result<Option<PlaybackState>, Error> {
        let online = self.hub.online(account).await?;
        let meeting = self.meeting(state, &online, None);
        if let Some(place) = self.place_before_set_back(account, state, meeting.now) {
            let cause = Cause { command_id: self.context.new_id(), device_id: None };
            return Ok(Some(resumed(state, place, &meeting.scene(cause))));
        }
        if let Some(transfer) = &state.transfer {
            let cause = Cause { command_id: transfer.command_id.clone(), device_id: None };
            let next = overdue(state, &meeting.scene(cause));
            if next.is_some() {
                return Ok(next);
            }
            self.watch.add(account, self.transfer_due(transfer.until_us, meeting.now));
        }
        let left_at = self.left_at(account, state, (&online, &meeting.online), meeting.now).await?;
        let Some(left_at) = left_at else { return Ok(None) };
        if let Some(due) = self.due_back(left_at, meeting.now) {
            self.watch.add(account, due);
            return Ok(None);
        }
        let cause = Cause { command_id: self.context.new_id(), device_id: None };
        Ok(abandoned(state, left_at, &meeting.scene(cause)))
    }

    /// The state is about to be shown: what has to happen to it by itself is not forgotten.
    pub(super) fn look_after(&self, account: AccountId, state: &PlaybackState, online: &[DeviceId]) {
        let now = self.context.now();
        if let Some(transfer) = &state.transfer {
            self.watch.add(account, self.transfer_due(transfer.until_us, now));
        }
        if absent(state, online).is_some() {
            self.watch.add(account, self.due_back(now, now).unwrap_or(now));
        }
    }

    /// The same when somebody has left, and these connections are there still.
    pub(super) fn look_after_left(
        &self,
        account: AccountId,
        state: &PlaybackState,
        online: &[Subscriber],
        left_at: Timestamp,
    ) {
        if is_deserted(state, online) {
            self.deserted.note(account, left_at);
            self.watch.add(account, self.due_back(left_at, left_at).unwrap_or(left_at));
        }
        let devices: Vec<_> = online.iter().filter_map(|other| other.device.clone()).collect();
        self.look_after(account, state, &devices);
    }

    /// When whoever ought to make the sound left; `None` when nobody is missing.
    async fn left_at(
        &self,
        account: AccountId,
        state: &PlaybackState,
        (online, devices): (&[Subscriber], &[DeviceId]),
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Error> {
        if is_deserted(state, online) {
            return Ok(Some(self.deserted.since(account, now)));
        }
        self.deserted.forget(account);
        match absent(state, devices) {
            Some(device) => Ok(Some(self.last_seen(account, device).await?.unwrap_or(now))),
            None => Ok(None),
        }
    }

    async fn last_seen(&self, account: AccountId, device: &DeviceId) -> Result<Option<Timestamp>, Error> {
        let known = self.store.devices(account).await?;
        Ok(known.into_iter().find(|known| known.device.id == *device).map(|known| known.last_seen))
    }
}

/// The device that ought to make the sound and is not there.
fn absent<'a>(state: &'a PlaybackState, online: &[DeviceId]) -> Option<&'a DeviceId> {
    state.active_device.as_ref().filter(|active| state.playing && !online.contains(active))
}

/// Whether it plays for a client without a name, and none is there that it could be.
fn is_deserted(state: &PlaybackState, online: &[Subscriber]) -> bool {
    state.playing && state.active_device.is_none() && online.is_empty()
}
