use serde::Serialize;

use super::Notifications;
use crate::model::event::AccountCreated;
use crate::model::{EventId, MailKind, Mailbox, Role};
use crate::service::delivery::HandleError;

/// What the template `welcome` may use.
#[derive(Serialize)]
pub(super) struct Welcome<'a> {
    pub(super) first_name: &'a str,
    pub(super) is_artist: bool,
}

impl Notifications {
    /// Greets a new account.
    pub(super) async fn welcome(&self, event: EventId, account: &AccountCreated) -> Result<(), HandleError> {
        let first_name = account.first_name.as_str();
        let to = Mailbox { name: first_name.to_owned(), email: account.email.clone() };
        let data = Welcome { first_name, is_artist: account.role == Role::Artist };
        self.send(event, MailKind::Welcome, to, &data).await
    }
}
