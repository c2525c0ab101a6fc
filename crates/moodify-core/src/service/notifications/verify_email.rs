use serde::Serialize;

use super::{Notifications, lifetime};
use crate::model::event::EmailVerificationRequested;
use crate::model::{EventId, MailKind, Mailbox};
use crate::service::delivery::HandleError;

/// What the template `verify_email` may use.
#[derive(Serialize)]
pub(super) struct VerifyEmail<'a> {
    pub(super) first_name: &'a str,
    pub(super) email: &'a str,
    pub(super) link: String,
    pub(super) valid_for: String,
    pub(super) valid_until: String,
}

impl Notifications {
    /// Asks the owner of a mailbox to prove it.
    pub(super) async fn verify_email(
        &self,
        event: EventId,
        requested: &EmailVerificationRequested,
    ) -> Result<(), HandleError> {
        let first_name = requested.first_name.as_str();
        let to = Mailbox { name: first_name.to_owned(), email: requested.email.clone() };
        let (valid_for, link) = self.link_that_works(requested.expires_at, |links, own| {
            links.verify(own, requested.token.expose())
        })?;
        let valid_until = lifetime::moment(requested.expires_at);
        let data = VerifyEmail { first_name, email: requested.email.as_str(), link, valid_for, valid_until };
        self.send(event, MailKind::VerifyEmail, to, &data).await
    }
}
