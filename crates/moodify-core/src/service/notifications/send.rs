use std::time::Duration;

use serde::Serialize;
use tracing::Instrument;

use super::Notifications;
use super::templates::Rendered;
use crate::Error;
use crate::model::{EventId, Mail, MailKind, Mailbox, MessageId};
use crate::port::{Claim, MailError};
use crate::service::delivery::HandleError;

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
        let mail = self.mail(event, kind, to, data).map_err(|error| HandleError::Never {
            reason: format!("the template `{}` failed: {error}", kind.as_str()),
        })?;
        let (log, context) = (&self.inner.log, &self.inner.context);
        match log.claim(event, kind, context.now(), CLAIM).await.map_err(Error::from)? {
            Claim::Sent => return Ok(()),
            Claim::Held { until } => return Err(HandleError::Held { until }),
            Claim::Yours => {}
        }
        if let Some(Err(until)) = self.inner.pace.as_ref().map(|pace| pace.take(kind, context.now())) {
            log.release(event, kind).await.map_err(Error::from)?;
            return Err(HandleError::Held { until });
        }
        let span = tracing::info_span!("send_mail", template = kind.as_str());
        match self.inner.mailer.send(&mail).instrument(span).await {
            Ok(()) => Ok(log.mark_sent(event, kind, context.now()).await.map_err(Error::from)?),
            Err(error) => {
                log.release(event, kind).await.map_err(Error::from)?;
                Err(failed(&error))
            }
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
