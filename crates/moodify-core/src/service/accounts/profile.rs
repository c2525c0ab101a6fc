use super::Accounts;
use crate::Error;
use crate::error::AuthFailure;
use crate::model::{Account, Caller};

impl Accounts {
    /// The caller's own account.
    ///
    /// # Errors
    /// [`AuthFailure::InvalidToken`] if it has been deleted since the token was made.
    pub async fn account(&self, caller: &Caller) -> Result<Account, Error> {
        let account = self.inner.users.account(caller.account_id).await?;
        Ok(account.ok_or(AuthFailure::InvalidToken)?)
    }
}
