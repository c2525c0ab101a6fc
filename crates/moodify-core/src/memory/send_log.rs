use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;
use crate::model::{EventId, MailKind, is_due, later};
use crate::port::{Claim, SendLog, SendLogError};

pub(super) type Sends = HashMap<(EventId, MailKind), SendState>;

#[derive(Clone, Copy, Debug)]
pub(super) enum SendState {
    Claimed { until: Timestamp },
    Sent { at: Timestamp },
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
        match sends.get(&(event, kind)) {
            Some(SendState::Sent { .. }) => Ok(Claim::Sent),
            Some(SendState::Claimed { until }) if !is_due(*until, now) => Ok(Claim::Held { until: *until }),
            _ => {
                sends.insert((event, kind), SendState::Claimed { until: later(now, lease) });
                Ok(Claim::Yours)
            }
        }
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
        if let Some(SendState::Claimed { .. }) = sends.get(&(event, kind)) {
            sends.remove(&(event, kind));
        }
        Ok(())
    }

    async fn forget(&self, before: Timestamp, max: usize) -> Result<u64, SendLogError> {
        let sends = &mut self.tables().sends;
        let is_old = |(key, state): (&(EventId, MailKind), &SendState)| {
            let (SendState::Sent { at } | SendState::Claimed { until: at }) = state;
            (*at < before).then_some(*key)
        };
        let old: Vec<_> = sends.iter().filter_map(is_old).take(max).collect();
        for key in &old {
            sends.remove(key);
        }
        Ok(old.len() as u64)
    }
}
