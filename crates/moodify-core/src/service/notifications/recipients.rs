//! What others' events tell of those who get mails.

use super::Notifications;
use crate::Error;
use crate::model::event::{AccountCreated, AccountDeleted, AccountUpdated, RoleChanged};
use crate::model::{AccountId, ArtistId, Event, Recipient, Timestamp};

impl Notifications {
    /// Whoever deleted an account gets no mail that was still under way.
    pub(super) async fn is_about_somebody_gone(&self, event: &Event) -> Result<bool, Error> {
        match event.payload.account() {
            Some(account) => Ok(self.inner.recipients.is_gone(account).await?),
            None => Ok(false),
        }
    }

    pub(super) async fn account_was_created(
        &self,
        at: Timestamp,
        account: &AccountCreated,
    ) -> Result<(), Error> {
        let recipient = Recipient {
            account_id: account.account_id,
            email: account.email.clone(),
            // Proved later, and told by another event.
            email_verified: false,
            first_name: account.first_name.clone(),
            artist_id: account.artist_id,
        };
        Ok(self.inner.recipients.put_recipient(&recipient, at).await?)
    }

    pub(super) async fn account_was_updated(
        &self,
        at: Timestamp,
        account: &AccountUpdated,
    ) -> Result<(), Error> {
        let recipient = Recipient {
            account_id: account.account_id,
            email: account.email.clone(),
            email_verified: account.email_verified,
            first_name: account.first_name.clone(),
            artist_id: account.artist_id,
        };
        Ok(self.inner.recipients.put_recipient(&recipient, at).await?)
    }

    /// An artist gets no mails about the artist's own releases. An account that is not known yet will
    /// be told of with its artist, if its mailbox is ever proved.
    ///
    /// Nothing but the artist is learnt: what else is known here was told by others, and one of them
    /// may be on its way that is older than this and newer than what is known.
    pub(super) async fn role_was_changed(&self, changed: &RoleChanged) -> Result<(), Error> {
        let recipients = &self.inner.recipients;
        if let Some(known) = recipients.recipient(changed.account_id).await? {
            let learnt = Recipient { artist_id: changed.artist_id, ..known };
            recipients.put_recipient(&learnt, Timestamp::UNIX_EPOCH).await?;
        }
        Ok(())
    }

    pub(super) async fn account_was_deleted(
        &self,
        at: Timestamp,
        account: &AccountDeleted,
    ) -> Result<(), Error> {
        let recipients = &self.inner.recipients;
        Ok(recipients.remove_recipient(account.account_id, account.artist_id, at).await?)
    }

    pub(super) async fn following_is(
        &self,
        following: bool,
        account: AccountId,
        artist: ArtistId,
        at: Timestamp,
    ) -> Result<(), Error> {
        Ok(self.inner.recipients.set_following(account, artist, following, at).await?)
    }
}
