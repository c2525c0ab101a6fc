use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;
use crate::model::{EventId, MailKind, later};
use crate::port::{Claim, SendLog, SendLogError};

pub(super) type Sends = HashMap<(EventId, MailKind), SendState>;

#[derive(Clone, Copy, Debug)]
pub(super) enum SendState {
    Claimed { until: Timestamp },
    Sent,
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
            Some(SendState::Sent) => Ok(Claim::Sent),
            Some(SendState::Claimed { until }) if *until > now => Ok(Claim::Held { until: *until }),
            _ => {
                sends.insert((event, kind), SendState::Claimed { until: later(now, lease) });
                Ok(Claim::Yours)
            }
        }
    }

    async fn mark_sent(&self, event: EventId, kind: MailKind, _now: Timestamp) -> Result<(), SendLogError> {
        self.tables().sends.insert((event, kind), SendState::Sent);
        Ok(())
    }

    async fn release(&self, event: EventId, kind: MailKind) -> Result<(), SendLogError> {
        let sends = &mut self.tables().sends;
        if let Some(SendState::Claimed { .. }) = sends.get(&(event, kind)) {
            sends.remove(&(event, kind));
        }
        Ok(())
    }
}
