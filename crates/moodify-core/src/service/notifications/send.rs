use std::time::Duration;

use serde::Serialize;
use tracing::Instrument;

use super::Notifications;
use super::templates::Rendered;
use crate::Error;
use crate::model::{EventId, Mail, MailKind, Mailbox, MessageId};
use crate::port::{Claim, MailError};
use crate::service::delivery::{Backoff, HandleError};

/// How long a mail server may take; longer than a worker waits for the whole event.
const CLAIM: Duration = Duration::from_secs(60);

impl Notifications {
    /// Renders and sends one mail, unless it went out before.
    pub(super) async fn send(
        &self,
        event: EventId,
        kind: MailKind,
        to: Mailbox,
        data: &(impl Serialize + Sync),
    ) -> Result<(), HandleError> {
        let (log, context, pace) = (&self.inner.log, &self.inner.context, self.inner.pace.as_ref());
        // First of all: what waits is asked often, and costs no more than that.
        if let Some(pace) = pace {
            pace.ask(kind, context.now()).map_err(|until| HandleError::Held { until })?;
        }
        let mail = self.mail(event, kind, to, data).map_err(|error| HandleError::Never {
            reason: format!("the template `{}` failed: {error}", kind.as_str()),
        })?;
        match log.claim(event, kind, context.now(), CLAIM).await.map_err(Error::from)? {
            Claim::Sent => return Ok(()),
            Claim::Held { until } => return Err(HandleError::Held { until }),
            Claim::Yours => {}
        }
        if let Some(Err(until)) = pace.map(|pace| pace.take(kind, context.now())) {
            log.release(event, kind).await.map_err(Error::from)?;
            return Err(HandleError::Held { until });
        }
        let span = tracing::info_span!("send_mail", template = kind.as_str());
        match self.inner.mailer.send(&mail).instrument(span).await {
            Ok(()) => {
                self.note_sent(event, kind).await;
                Ok(())
            }
            Err(error) => {
                log.release(event, kind).await.map_err(Error::from)?;
                Err(failed(&error))
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
}

fn failed(error: &MailError) -> HandleError {
    match error {
        MailError::Refused { reason } => HandleError::Never { reason: reason.clone() },
        MailError::Unavailable(fault) => HandleError::Later { reason: fault.to_string() },
    }
}
