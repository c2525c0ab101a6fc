use super::mail_tokens;
use super::update::{Change, account_updated};
use super::{Accounts, own_words};
use crate::Error;
use crate::error::AuthFailure;
use crate::model::event::PasswordChanged;
use crate::model::{Account, EndedSessions, EventPayload, MailToken, MailTokenPurpose, PasswordChange};

impl Accounts {
    /// Gives an account another password, for whoever holds the token from its mailbox. All its
    /// sessions end, also those that are just beginning with the old password, and the mailbox
    /// counts as proved: the token came from there.
    ///
    /// # Errors
    /// `token_invalid` at `/token`, whatever is wrong with it; what [`Accounts::new_password`] says,
    /// at `/password`; [`Error::Busy`] when too many passwords are being hashed.
    pub async fn reset_password(&self, token: &MailToken, password: &str) -> Result<(), Error> {
        let token = self.good_mail_token(token, MailTokenPurpose::ResetPassword).await?;
        let account = self.inner.users.account(token.account_id).await?.ok_or_else(mail_tokens::invalid)?;
        let password = self.new_password(password, &own_words(&account));
        let password = password.map_err(|why| Error::invalid("/password", why))?;
        let hash = self.inner.passwords.hash(password).await?;
        let reset = self.update(token.account_id, |current| {
            let mut account = current.account;
            let mut events = vec![password_changed(&account)];
            if !account.email_verified {
                account.email_verified = true;
                events.push(account_updated(&account));
            }
            Ok(Change {
                password: PasswordChange::Replace(hash.clone()),
                spends: Some(token.hash),
                voids: vec![MailTokenPurpose::VerifyEmail],
                ends: EndedSessions::All,
                events,
                ..Change::to(account)
            })
        });
        match reset.await {
            Err(Error::Unauthenticated(AuthFailure::InvalidToken)) => Err(mail_tokens::invalid()),
            Err(error) => Err(error),
            Ok(_) => self.unblock(&account.email).await,
        }
    }
}

pub(super) fn password_changed(account: &Account) -> EventPayload {
    EventPayload::PasswordChanged(PasswordChanged {
        account_id: account.id,
        email: account.email.clone(),
        first_name: account.first_name.clone(),
    })
}
