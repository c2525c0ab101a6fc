use std::time::Duration;

use super::Accounts;
use crate::Error;
use crate::model::{Email, MailTokenPurpose};

impl Accounts {
    /// Has a link for a new password mailed to this address, if there is an account with it and the
    /// last such mail went out more than five minutes ago.
    ///
    /// Returns before it has looked, so that the answer takes the same time for every address. A
    /// process that is killed in that moment forgets the request; one that ends in order does not
    /// ([`Accounts::settle`]).
    ///
    /// # Errors
    /// [`Error::Busy`] when too many such requests are under way, for whomever.
    pub async fn forgot_password(&self, email: Email) -> Result<(), Error> {
        let permit = self.inner.recoveries.clone().try_acquire_owned();
        let permit = permit.map_err(|_| Error::Busy { retry_after: Duration::from_secs(1) })?;
        let accounts = self.clone();
        self.inner.background.spawn(async move {
            if let Err(error) = accounts.request_reset(&email).await {
                tracing::warn!(%error, "a forgotten password got no mail; its owner has to ask again");
            }
            drop(permit);
        });
        Ok(())
    }

    /// Returns when all that [`Accounts::forgot_password`] began by now is done.
    pub async fn settle(&self) {
        let tracker = &self.inner.background;
        tracker.close();
        tracker.wait().await;
        tracker.reopen();
    }

    async fn request_reset(&self, email: &Email) -> Result<(), Error> {
        match self.inner.users.credentials(email).await? {
            Some(known) => self.send_mail_token(&known.account, MailTokenPurpose::ResetPassword).await,
            None => Ok(()),
        }
    }
}
