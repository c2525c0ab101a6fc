use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Unavailable;
use crate::model::{EventId, MailKind};

/// Which mails went out: what makes sending idempotent when an event is delivered twice. And how many, for
/// senders that may send only so many.
#[async_trait]
pub trait SendLog: Send + Sync {
    /// Claims the right to send this mail until `now + lease`; from that moment on it may be
    /// claimed again; also if it is more than [`LONGEST_WAIT`](crate::model::LONGEST_WAIT) from now,
    /// for then the clock was set back. Of concurrent calls exactly one gets [`Claim::Yours`].
    async fn claim(
        &self,
        event: EventId,
        kind: MailKind,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Claim, SendLogError>;

    /// The mail server has accepted the mail: it is never claimed again, whoever holds the claim.
    async fn mark_sent(&self, event: EventId, kind: MailKind, now: Timestamp) -> Result<(), SendLogError>;

    /// The mail server has not accepted the mail: it may be claimed again at once. Changes
    /// nothing once the mail is marked as sent, or when there is no claim.
    async fn release(&self, event: EventId, kind: MailKind) -> Result<(), SendLogError>;

    /// The mail server had the whole mail and gave no answer: it is claimed by nobody until that moment,
    /// unless somebody releases it. Returns how often this has happened to the mail, which a release does not
    /// forget; 0, and changes nothing, once the mail is marked as sent.
    async fn mark_unanswered(
        &self,
        event: EventId,
        kind: MailKind,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<u32, SendLogError>;

    /// When the next mail of this sender would go if none might go at once; `None` before its first.
    async fn pace(&self, sender: &str) -> Result<Option<Timestamp>, SendLogError>;

    /// Moves that moment, if it still is what [`Self::pace`] said; returns whether it was. Of concurrent calls
    /// that saw the same one, exactly one moves it. Moments are kept to the microsecond.
    async fn set_pace(
        &self,
        sender: &str,
        from: Option<Timestamp>,
        to: Timestamp,
    ) -> Result<bool, SendLogError>;

    /// Forgets up to `max` mails that were sent before that moment, and claims of others that ended
    /// before it, and returns how many there were. A forgotten mail may be claimed again.
    async fn forget(&self, before: Timestamp, max: usize) -> Result<u64, SendLogError>;
}

/// The answer to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Send it.
    Yours,
    /// It went out already.
    Sent,
    /// Somebody else may be sending it until then.
    Held {
        /// When the claim lapses.
        until: Timestamp,
    },
}

/// Why a [`SendLog`] failed.
#[derive(Debug, thiserror::Error)]
pub enum SendLogError {
    /// The technology failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
