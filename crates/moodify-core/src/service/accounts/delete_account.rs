use std::time::Duration;

use super::Accounts;
use crate::Error;
use crate::error::AuthFailure;
use crate::model::event::AccountDeleted;
use crate::model::{Caller, EventPayload};

impl Accounts {
    /// Takes the caller's account away, at once and for good, with its sessions and tokens. The
    /// other services remove what they hold of it when they hear the event.
    ///
    /// # Errors
    /// [`AuthFailure::InvalidToken`] if the session has ended, or the account is gone already.
    pub async fn delete_account(&self, caller: &Caller) -> Result<(), Error> {
        /// Each is a change of the account that somebody else made meanwhile.
        const ATTEMPTS: usize = 16;
        let users = &self.inner.users;
        self.live_session(caller).await?;
        for _ in 0..ATTEMPTS {
            let known = users.credentials_of(caller.account_id).await?.ok_or(AuthFailure::InvalidToken)?;
            let event = self.event(EventPayload::AccountDeleted(AccountDeleted {
                account_id: known.account.id,
                artist_id: known.account.artist.map(|artist| artist.id),
            }));
            if users.delete_account(caller.account_id, known.revision, &[event]).await? {
                return Ok(());
            }
        }
        Err(Error::Busy { retry_after: Duration::from_secs(1) })
    }
}
