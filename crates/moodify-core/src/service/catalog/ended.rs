//! Whose access tokens are good no more. Nothing here asks the auth service, which may be another process
//! with a database of its own: its events say it, within a second.

use std::time::Duration;

use super::Catalog;
use crate::Error;
use crate::error::AuthFailure;
use crate::model::event::SessionRevoked;
use crate::model::{AccountId, Caller, Timestamp, later};
use crate::port::Ended;

/// How long it is known that an account is gone: far longer than any event about it is on its way,
/// dead letters that somebody replays included.
const ACCOUNTS: Duration = Duration::from_secs(90 * 24 * 60 * 60);

impl Catalog {
    /// Lets only those go on whose session has not ended: for what changes something.
    ///
    /// # Errors
    /// [`AuthFailure::InvalidToken`].
    pub(super) async fn admit(&self, caller: &Caller) -> Result<(), Error> {
        self.admit_none_of(&[Ended::Account(caller.account_id), Ended::Session(caller.session_id)]).await
    }

    /// The same for what ends with any of these.
    ///
    /// # Errors
    /// [`AuthFailure::InvalidToken`].
    pub(super) async fn admit_none_of(&self, ended: &[Ended]) -> Result<(), Error> {
        if self.inner.parts.library.has_ended(ended).await? {
            return Err(AuthFailure::InvalidToken.into());
        }
        Ok(())
    }

    /// Whether an account is gone, as far as is known here.
    pub(super) async fn is_gone(&self, account: AccountId) -> Result<bool, Error> {
        Ok(self.inner.parts.library.has_ended(&[Ended::Account(account)]).await?)
    }

    pub(super) async fn note_gone(&self, account: AccountId, at: Timestamp) -> Result<(), Error> {
        let until = later(at, ACCOUNTS);
        Ok(self.inner.parts.library.note_ended(Ended::Account(account), until).await?)
    }

    /// Forgets those whose access tokens have all expired.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn forget_ended(&self) -> Result<(), Error> {
        /// So many at a time: others write in between.
        const BATCH: usize = 500;
        let (now, library) = (self.inner.context.now(), &self.inner.parts.library);
        while library.forget_ended(now, BATCH).await? > 0 {}
        Ok(())
    }

    /// Takes note of a session that has ended, until the last of its access tokens has expired.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn session_was_revoked(&self, event: &SessionRevoked, at: Timestamp) -> Result<(), Error> {
        let until = later(at, self.inner.token_life);
        Ok(self.inner.parts.library.note_ended(Ended::Session(event.session_id), until).await?)
    }
}
