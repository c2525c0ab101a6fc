//! What the listeners of this process hear, and the plays that are to be told of.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::Playback;
use super::hearing::Hearing;
use crate::model::{AccountId, DeviceId, Event, PlaybackState, PositionMs, is_due_within, later};
use crate::service::Context;

/// A run that rests for so long may have ended: it is told of.
const LONG_REST: Duration = Duration::from_secs(30 * 60);

/// One that goes on before so long goes on from what was heard; after that, it counts anew.
const FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);

/// How many plays wait at most while the queue is down; the oldest are lost.
const MAX_WAITING: usize = 10_000;

/// Kept in memory: what a crash takes away is one play of each listener at most.
pub(super) struct Plays {
    context: Context,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    hearings: HashMap<AccountId, Hearing>,
    ended: VecDeque<Event>,
}

impl Inner {
    fn end(&mut self, account: AccountId, now: Timestamp, context: &Context) {
        if let Some(hearing) = self.hearings.get_mut(&account) {
            hearing.interrupt(now);
            self.tell(account, context);
            self.hearings.remove(&account);
        }
    }

    fn tell(&mut self, account: AccountId, context: &Context) {
        let news = self.hearings.get_mut(&account).and_then(|hearing| hearing.news(account, context));
        if let Some(event) = news {
            if self.ended.len() >= MAX_WAITING {
                self.ended.pop_front();
            }
            self.ended.push_back(event);
        }
    }
}

impl Plays {
    pub(super) fn new(context: Context) -> Self {
        Self { context, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A device says where it is; whether it was listened to.
    fn report(
        &self,
        account: AccountId,
        state: &PlaybackState,
        (device, at, position): (Option<&DeviceId>, Timestamp, PositionMs),
        now: Timestamp,
    ) {
        let mut inner = self.inner();
        if !inner.hearings.get(&account).is_some_and(|hearing| hearing.is_of(state)) {
            // Started before this process, or by another node.
            inner.end(account, now, &self.context);
            let since = Timestamp::from_microsecond(state.at_us).unwrap_or(now).min(now);
            let Some(hearing) = Hearing::of(state, since) else { return };
            inner.hearings.insert(account, hearing);
        }
        if let Some(hearing) = inner.hearings.get_mut(&account) {
            hearing.report(device, at, position);
        }
    }

    /// When and where the device of this run last was, if it plays and ever said so here.
    pub(super) fn place(&self, account: AccountId, state: &PlaybackState) -> Option<(Timestamp, PositionMs)> {
        self.inner().hearings.get(&account).filter(|hearing| hearing.is_of(state))?.place()
    }

    /// The state has changed. Returns when to look at the listener again, and whether a play ended.
    fn change(&self, account: AccountId, next: &PlaybackState, now: Timestamp) -> (Option<Timestamp>, bool) {
        let mut inner = self.inner();
        let before = inner.ended.len();
        match inner.hearings.get_mut(&account) {
            Some(hearing) if hearing.is_of(next) => {
                let rested = hearing.resting_since;
                hearing.interrupt(now);
                hearing.go_on(next, now);
                if let (Some(since), true) = (rested, hearing.resting_since.is_some()) {
                    hearing.resting_since = Some(since);
                }
            }
            _ => {
                inner.end(account, now, &self.context);
                if let Some(hearing) = Hearing::of(next, now) {
                    inner.hearings.insert(account, hearing);
                }
            }
        }
        let rests = inner.hearings.get(&account).and_then(|hearing| hearing.resting_since);
        (rests.map(|since| later(since, LONG_REST)), inner.ended.len() != before)
    }

    /// Tells of the listener's run if it rests for long. Returns when to look again.
    pub(super) fn settle(&self, account: AccountId, now: Timestamp) -> Option<Timestamp> {
        let mut inner = self.inner();
        let since = inner.hearings.get(&account)?.resting_since?;
        let [told, forgotten] = [LONG_REST, FORGOTTEN].map(|rest| later(since, rest));
        if is_due_within(forgotten, now, FORGOTTEN) {
            inner.end(account, now, &self.context);
            return None;
        }
        if !is_due_within(told, now, LONG_REST) {
            return Some(told);
        }
        inner.tell(account, &self.context);
        Some(forgotten)
    }

    /// Ends all runs: the process is about to end.
    pub(super) fn end_all(&self, now: Timestamp) {
        let mut inner = self.inner();
        let accounts: Vec<_> = inner.hearings.keys().copied().collect();
        for account in accounts {
            inner.end(account, now, &self.context);
        }
    }

    pub(super) fn forget(&self, account: AccountId) {
        self.inner().hearings.remove(&account);
    }

    fn first_ended(&self) -> Option<Event> {
        self.inner().ended.front().cloned()
    }

    fn published(&self, event: &Event) {
        self.inner().ended.retain(|waiting| waiting.id != event.id);
    }
}

impl Playback {
    pub(super) fn note_change(&self, account: AccountId, next: &PlaybackState, now: Timestamp) {
        let (look_again, ended) = self.plays.change(account, next, now);
        if let Some(at) = look_again {
            self.watch.add(account, at);
        }
        if ended {
            self.watch.wake();
        }
    }

    pub(super) fn note_report(
        &self,
        account: AccountId,
        state: &PlaybackState,
        report: (Option<&DeviceId>, Timestamp, PositionMs),
    ) {
        self.plays.report(account, state, report, self.context.now());
    }

    /// Hands over the plays that have ended. Returns whether all went.
    pub async fn publish_plays(&self) -> bool {
        while let Some(event) = self.plays.first_ended() {
            if let Err(error) = self.queue.publish(&event, self.context.now()).await {
                tracing::warn!(%error, "plays were not published; they are again");
                return false;
            }
            self.plays.published(&event);
        }
        true
    }
}
