use std::time::Duration;

use serde::Serialize;
use tracing::Instrument;

use super::Notifications;
use super::templates::Rendered;
use crate::Error;
use crate::model::{EventId, Mail, MailKind, Mailbox, MessageId, Timestamp, later};
use crate::port::{Claim, LateAnswer, MailError, Measurement};
use crate::service::delivery::{Backoff, HandleError};

/// How long a mail server may take; longer than a worker waits for the whole event.
const CLAIM: Duration = Duration::from_secs(60);
/// How long a mail without an answer waits: longer than the ten minutes in which the answer may come
/// (RFC 5321, 4.5.3.2.6).
const UNANSWERED: Duration = Duration::from_secs(15 * 60);
/// How often a mail is tried again after no answer came.
const MAX_UNANSWERED: u32 = 1;

impl Notifications {
    /// Renders and sends one mail, unless it went out before.
    pub(super) async fn send(
        &self,
        event: EventId,
        kind: MailKind,
        to: Mailbox,
        data: &(impl Serialize + Sync),
    ) -> Result<(), HandleError> {
        self.may_go(kind)?;
        let mail = self.mail(event, kind, to, data).map_err(|error| HandleError::Never {
            reason: format!("the template `{}` failed: {error}", kind.as_str()),
        })?;
        let (log, context) = (&self.inner.log, &self.inner.context);
        match log.claim(event, kind, context.now(), CLAIM).await.map_err(Error::from)? {
            Claim::Sent => return Ok(()),
            Claim::Held { until } => return Err(HandleError::Held { until }),
            Claim::Yours => {}
        }
        if let Err(held) = self.take_leave(kind).await {
            log.release(event, kind).await.map_err(Error::from)?;
            return Err(held);
        }
        let span = tracing::info_span!("send_mail", template = kind.as_str());
        match self.inner.mailer.send(&mail).instrument(span).await {
            Ok(()) => {
                self.inner.rest.end();
                self.note_sent(event, kind).await;
                Ok(())
            }
            Err(MailError::Unanswered { reason, late }) if !self.inner.mailer.knows_messages() => {
                Err(self.unanswered(event, kind, &reason, late).await)
            }
            Err(error) => {
                log.release(event, kind).await.map_err(Error::from)?;
                Err(self.failed(event, error))
            }
        }
    }

    /// First of all: what waits is asked often, and costs no more than that.
    fn may_go(&self, kind: MailKind) -> Result<(), HandleError> {
        let now = self.inner.context.now();
        self.inner.rest.ask(now).map_err(|until| self.held("server", until))?;
        let pace = self.inner.pace.as_ref().map_or(Ok(()), |pace| pace.ask(kind, now));
        pace.map_err(|until| self.held("pace", until))
    }

    async fn take_leave(&self, kind: MailKind) -> Result<(), HandleError> {
        let Some(pace) = &self.inner.pace else { return Ok(()) };
        let taken = pace.take(self.inner.log.as_ref(), kind, self.inner.context.now()).await?;
        taken.map_err(|until| self.held("pace", until))
    }

    fn held(&self, by: &'static str, until: Timestamp) -> HandleError {
        self.inner.context.record(Measurement::MailHeld { by });
        HandleError::Held { until }
    }

    /// The mail may be on its way. It is tried once more, after a wait in which an answer may still come, with
    /// the same `Message-ID`: what is lost for sure is worse than what may come twice, but not again and again.
    async fn unanswered(
        &self,
        event: EventId,
        kind: MailKind,
        reason: &str,
        late: Option<LateAnswer>,
    ) -> HandleError {
        let (times, until) = self.note_unanswered(event, kind).await;
        self.inner.context.record(Measurement::MailUnanswered);
        if let Some(late) = late {
            self.wait_for(event, kind, late);
        }
        if times > MAX_UNANSWERED {
            let reason = format!(
                "the mail server took the whole mail {times} times and did not answer: \
                 it may have been delivered ({reason})"
            );
            return HandleError::Never { reason };
        }
        let template = kind.as_str();
        tracing::warn!(%event, template, reason, %until, "a mail was handed over and no answer came: it may be on its way");
        HandleError::Held { until }
    }

    /// While the process lives, a late yes is noted, and nothing goes out again. A late no changes nothing: the
    /// next try hears it too.
    fn wait_for(&self, event: EventId, kind: MailKind, late: LateAnswer) {
        let notifications = self.clone();
        let wait = async move {
            match late.wait().await {
                Ok(()) => notifications.note_sent(event, kind).await,
                Err(error) => tracing::debug!(%error, %event, "no late answer that helps"),
            }
        };
        tokio::spawn(wait.in_current_span());
    }

    /// As [`Self::note_sent`]: without this note the mail would be tried again as soon as its claim ends.
    async fn note_unanswered(&self, event: EventId, kind: MailKind) -> (u32, Timestamp) {
        let (log, context) = (&self.inner.log, &self.inner.context);
        let mut backoff = Backoff::new();
        loop {
            let now = context.now();
            let until = later(now, UNANSWERED);
            match log.mark_unanswered(event, kind, now, until).await {
                Ok(times) => return (times, until),
                Err(error) => {
                    let (wait, template) = (backoff.next(), kind.as_str());
                    tracing::error!(%error, %event, template, ?wait, "a mail got no answer and this is not noted yet; tried again");
                    context.clock.sleep(wait).await;
                }
            }
        }
    }

    /// What is not noted goes out again: so this is tried until it works, or the worker gives the event up
    /// for now.
    async fn note_sent(&self, event: EventId, kind: MailKind) {
        let (log, context) = (&self.inner.log, &self.inner.context);
        let mut backoff = Backoff::new();
        while let Err(error) = log.mark_sent(event, kind, context.now()).await {
            let (wait, template) = (backoff.next(), kind.as_str());
            tracing::error!(%error, %event, template, ?wait, "a mail went out and this is not noted yet; tried again");
            context.clock.sleep(wait).await;
        }
    }

    fn mail(
        &self,
        event: EventId,
        kind: MailKind,
        to: Mailbox,
        data: &impl Serialize,
    ) -> Result<Mail, Error> {
        let Rendered { subject, html, text } =
            self.inner.templates.render(kind, data).map_err(Error::internal)?;
        let from = self.inner.sender.clone();
        let domain = from.email.as_str().rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        Ok(Mail { message_id: MessageId::new(event, kind, domain), from, to, subject, html, text })
    }

    fn failed(&self, event: EventId, error: MailError) -> HandleError {
        match error {
            MailError::Refused { reason } => HandleError::Never { reason },
            // Not this mail's fault: it counts as no try, and if the next one hears the same, all of them wait.
            MailError::Limited { reason, wait } => {
                let until = self.inner.rest.told(event, wait, self.inner.context.now());
                tracing::warn!(%reason, %until, "the mail server wants fewer mails");
                self.held("server", until)
            }
            MailError::Unavailable(fault) => HandleError::Later { reason: fault.to_string() },
            unanswered @ MailError::Unanswered { .. } => {
                HandleError::Later { reason: unanswered.to_string() }
            }
        }
    }
}
