use serde::Serialize;

use super::{Notifications, lifetime};
use crate::model::event::PasswordResetRequested;
use crate::model::{EventId, MailKind, Mailbox};
use crate::service::delivery::HandleError;

/// What the template `reset_password` may use.
#[derive(Serialize)]
pub(super) struct ResetPassword<'a> {
    pub(super) first_name: &'a str,
    pub(super) email: &'a str,
    pub(super) link: String,
    pub(super) valid_for: String,
    pub(super) valid_until: String,
}

impl Notifications {
    /// Lets somebody who forgot a password choose another.
    pub(super) async fn reset_password(
        &self,
        event: EventId,
        requested: &PasswordResetRequested,
    ) -> Result<(), HandleError> {
        let first_name = requested.first_name.as_str();
        let to = Mailbox { name: first_name.to_owned(), email: requested.email.clone() };
        let (valid_for, link) = self
            .link_that_works(requested.expires_at, |links, own| links.reset(own, requested.token.expose()))?;
        let valid_until = lifetime::moment(requested.expires_at);
        let data =
            ResetPassword { first_name, email: requested.email.as_str(), link, valid_for, valid_until };
        self.send(event, MailKind::ResetPassword, to, &data).await
    }
}
