use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;
use crate::model::{EventId, MailKind, is_due, later};
use crate::port::{Claim, SendLog, SendLogError};

pub(super) type Sends = HashMap<(EventId, MailKind), SendState>;
/// Of each sender.
pub(super) type Paces = HashMap<String, Timestamp>;

#[derive(Clone, Copy, Debug)]
pub(super) enum SendState {
    Claimed { until: Timestamp, unanswered: Unanswered },
    Sent { at: Timestamp },
}

/// How often no answer came, and when last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unanswered {
    times: u32,
    last: Timestamp,
}

#[async_trait]
impl SendLog for MemoryStore {
    async fn claim(
        &self,
        event: EventId,
        kind: MailKind,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Claim, SendLogError> {
        let sends = &mut self.tables().sends;
        let unanswered = match sends.get(&(event, kind)) {
            Some(SendState::Sent { .. }) => return Ok(Claim::Sent),
            Some(SendState::Claimed { until, .. }) if !is_due(*until, now) => {
                return Ok(Claim::Held { until: *until });
            }
            Some(SendState::Claimed { unanswered, .. }) => *unanswered,
            None => Unanswered::default(),
        };
        sends.insert((event, kind), SendState::Claimed { until: later(now, lease), unanswered });
        Ok(Claim::Yours)
    }

    async fn mark_sent(&self, event: EventId, kind: MailKind, now: Timestamp) -> Result<(), SendLogError> {
        let sends = &mut self.tables().sends;
        if !matches!(sends.get(&(event, kind)), Some(SendState::Sent { .. })) {
            sends.insert((event, kind), SendState::Sent { at: now });
        }
        Ok(())
    }

    async fn release(&self, event: EventId, kind: MailKind) -> Result<(), SendLogError> {
        let sends = &mut self.tables().sends;
        match sends.get_mut(&(event, kind)) {
            Some(SendState::Claimed { unanswered: Unanswered { times: 0, .. }, .. }) => {
                sends.remove(&(event, kind));
            }
            Some(SendState::Claimed { until, unanswered }) => *until = unanswered.last,
            Some(SendState::Sent { .. }) | None => {}
        }
        Ok(())
    }

    async fn mark_unanswered(
        &self,
        event: EventId,
        kind: MailKind,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<u32, SendLogError> {
        let sends = &mut self.tables().sends;
        let times = match sends.get(&(event, kind)) {
            Some(SendState::Sent { .. }) => return Ok(0),
            Some(SendState::Claimed { unanswered, .. }) => unanswered.times + 1,
            None => 1,
        };
        let unanswered = Unanswered { times, last: now };
        sends.insert((event, kind), SendState::Claimed { until, unanswered });
        Ok(times)
    }

    async fn pace(&self, sender: &str) -> Result<Option<Timestamp>, SendLogError> {
        Ok(self.tables().paces.get(sender).copied())
    }

    async fn set_pace(
        &self,
        sender: &str,
        from: Option<Timestamp>,
        to: Timestamp,
    ) -> Result<bool, SendLogError> {
        let paces = &mut self.tables().paces;
        let is_so = paces.get(sender).copied() == from;
        if is_so {
            paces.insert(sender.to_owned(), to);
        }
        Ok(is_so)
    }

    async fn forget(&self, before: Timestamp, max: usize) -> Result<u64, SendLogError> {
        let sends = &mut self.tables().sends;
        let is_old = |(key, state): (&(EventId, MailKind), &SendState)| {
            let (SendState::Sent { at } | SendState::Claimed { until: at, .. }) = state;
            (*at < before).then_some(*key)
        };
        let old: Vec<_> = sends.iter().filter_map(is_old).take(max).collect();
        for key in &old {
            sends.remove(key);
        }
        Ok(old.len() as u64)
    }
}
