use serde::Serialize;

use super::{Notifications, lifetime};
use crate::model::event;
use crate::model::{EventId, MailKind, Mailbox, Timestamp};
use crate::service::delivery::HandleError;

/// What the template `password_changed` may use.
#[derive(Serialize)]
pub(super) struct PasswordChanged<'a> {
    pub(super) first_name: &'a str,
    pub(super) email: &'a str,
    pub(super) changed_at: String,
}

impl Notifications {
    /// Tells the owner that the password is another one.
    pub(super) async fn password_changed(
        &self,
        event: EventId,
        at: Timestamp,
        changed: &event::PasswordChanged,
    ) -> Result<(), HandleError> {
        let first_name = changed.first_name.as_str();
        let to = Mailbox { name: first_name.to_owned(), email: changed.email.clone() };
        let changed_at = lifetime::moment(at);
        let data = PasswordChanged { first_name, email: changed.email.as_str(), changed_at };
        self.send(event, MailKind::PasswordChanged, to, &data).await
    }
}
