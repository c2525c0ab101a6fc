//! Forgets what only the past needed.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::model::{EventPayload, Timestamp, earlier};
use crate::port::{DeadLetter, Queue, RecipientStore, SendLog};
use crate::service::Context;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a settled delivery is remembered, so that publishing its event again adds nothing. A
/// relay publishes again what it published before it died: within minutes, or when somebody starts
/// the process again.
const DELIVERIES: Duration = Duration::from_secs(7 * DAY.as_secs());
/// How long it is remembered that a mail went out, or that an account is gone: far longer than any
/// event is on its way, dead letters that somebody replays included.
const SENDS: Duration = Duration::from_secs(90 * DAY.as_secs());
/// How long a dead letter is kept after the link in its mail has run out: it says that a mail never left,
/// and nothing can be done about it any more.
const LOST_MAILS: Duration = Duration::from_secs(7 * DAY.as_secs());
/// Whose dead letters hold links.
const MAILS: &str = "notification";
/// So many at a time: others write in between.
const BATCH: usize = 500;
/// How often it looks.
const PERIOD: Duration = Duration::from_secs(60 * 60);

/// Keeps what delivery has to remember from growing for ever.
pub struct Housekeeper {
    queue: Arc<dyn Queue>,
    log: Arc<dyn SendLog>,
    recipients: Arc<dyn RecipientStore>,
    context: Context,
}

impl Housekeeper {
    /// For these parts.
    pub fn new(
        queue: Arc<dyn Queue>,
        log: Arc<dyn SendLog>,
        recipients: Arc<dyn RecipientStore>,
        context: Context,
    ) -> Self {
        Self { queue, log, recipients, context }
    }

    /// Tidies up at once and then every hour, until told to stop.
    pub async fn run(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            match self.tidy_up(stop).await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, "forgot old deliveries, mails and recipients"),
                Err(error) => tracing::warn!(%error, "old deliveries and mails were not forgotten yet"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.context.clock.sleep(PERIOD) => {}
            }
        }
    }

    /// Forgets all that is old enough, and returns how much that was.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if a store fails; what is left is for the next time.
    pub async fn tidy_up(&self, stop: &CancellationToken) -> Result<u64, Error> {
        let now = self.context.now();
        let (mut all, mut last) = (0, 1);
        while last > 0 && !stop.is_cancelled() {
            last = self.queue.forget(earlier(now, DELIVERIES), BATCH).await?;
            last += self.log.forget(earlier(now, SENDS), BATCH).await?;
            last += self.recipients.forget(earlier(now, SENDS), BATCH).await?;
            all += last;
        }
        Ok(all + self.forget_lost_mails(earlier(now, LOST_MAILS)).await?)
    }

    /// Gives up mails whose link had run out by then: sent again, they would be dead again.
    async fn forget_lost_mails(&self, then: Timestamp) -> Result<u64, Error> {
        let lost = |letter: &DeadLetter| {
            link_ends(&letter.event.payload).is_some_and(|end| end <= then) && letter.died_at <= then
        };
        Ok(self.queue.discard_chosen(MAILS, &lost).await?)
    }
}

/// Until when the link works that the mail about this event has, if it has one.
fn link_ends(payload: &EventPayload) -> Option<Timestamp> {
    match payload {
        EventPayload::EmailVerificationRequested(asked) => Some(asked.expires_at),
        EventPayload::PasswordResetRequested(asked) => Some(asked.expires_at),
        _ => None,
    }
}
