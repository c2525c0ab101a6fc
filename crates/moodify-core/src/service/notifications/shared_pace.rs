//! The pace of a sender, for however many processes send in its name.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::sync::Mutex;

use super::pace::Pace;
use crate::Error;
use crate::model::{MailKind, Timestamp, later};
use crate::port::SendLog;

/// How often others may be faster before a mail waits.
const TRIES: usize = 16;
/// How long it waits then.
const CROWDED: Duration = Duration::from_secs(1);

/// When the next mail would go is in the send log: it counts for all processes, and outlives them. Whose turn it
/// is each process decides for the mails that it has.
pub(super) struct SharedPace {
    pace: Pace,
    sender: String,
    // One at a time asks the log: in a process nobody is slower than somebody else.
    asking: Mutex<()>,
}

impl SharedPace {
    pub(super) fn new(max_per_day: NonZeroU32, sender: String) -> Self {
        Self { pace: Pace::new(max_per_day), sender, asking: Mutex::new(()) }
    }

    /// Whether a mail may go now, as far as this process knows: others may have sent meanwhile.
    ///
    /// # Errors
    /// When to ask again.
    pub(super) fn ask(&self, kind: MailKind, now: Timestamp) -> Result<(), Timestamp> {
        self.pace.ask(kind, now)
    }

    /// Takes leave to send one mail; in the result, when to ask again if there is none.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the log fails: then there is no leave.
    pub(super) async fn take(
        &self,
        log: &dyn SendLog,
        kind: MailKind,
        now: Timestamp,
    ) -> Result<Result<(), Timestamp>, Error> {
        let _asking = self.asking.lock().await;
        for _ in 0..TRIES {
            let known = log.pace(&self.sender).await?;
            self.pace.learn(known);
            if let Err(until) = self.pace.take(kind, now) {
                return Ok(Err(until));
            }
            if log.set_pace(&self.sender, known, self.pace.next()).await? {
                return Ok(Ok(()));
            }
        }
        Ok(Err(later(now, CROWDED)))
    }
}
