use super::Accounts;
use super::mail_tokens;
use super::update::{Change, account_updated};
use crate::Error;
use crate::error::AuthFailure;
use crate::model::{Caller, MailToken, MailTokenPurpose};

impl Accounts {
    /// The holder of a verification token has proved to read the mailbox of its account.
    ///
    /// # Errors
    /// `token_invalid` at `/token`, whatever is wrong with it.
    pub async fn verify_email(&self, token: &MailToken) -> Result<(), Error> {
        let token = self.good_mail_token(token, MailTokenPurpose::VerifyEmail).await?;
        let verified = self.update(token.account_id, |current| {
            let mut account = current.account;
            account.email_verified = true;
            let events = vec![account_updated(&account)];
            Ok(Change { spends: Some(token.hash), events, ..Change::to(account) })
        });
        match verified.await {
            Err(Error::Unauthenticated(_)) => Err(mail_tokens::invalid()),
            done => done.map(drop),
        }
    }

    /// Has the verification mail sent again, unless the mailbox is proved or the last mail went out
    /// less than a minute ago; which of them is not told.
    ///
    /// # Errors
    /// [`AuthFailure::InvalidToken`] if the session has ended.
    pub async fn resend_verification(&self, caller: &Caller) -> Result<(), Error> {
        self.live_session(caller).await?;
        let account = self.inner.users.account(caller.account_id).await?.ok_or(AuthFailure::InvalidToken)?;
        if account.email_verified {
            return Ok(());
        }
        self.send_mail_token(&account, MailTokenPurpose::VerifyEmail).await
    }
}
