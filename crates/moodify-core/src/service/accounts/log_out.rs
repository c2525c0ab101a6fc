use super::Accounts;
use crate::Error;
use crate::model::{AccountId, Caller, SessionId};

impl Accounts {
    /// Ends the session that this access token came from: its refresh token is dead at once, its
    /// sockets close, the access token runs out by itself. Doing it twice is no error.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn log_out(&self, caller: &Caller) -> Result<(), Error> {
        self.revoke(caller.account_id, caller.session_id).await.map(drop)
    }

    /// Ends the session of this refresh token, also of one that has rotated since. A session that has
    /// ended already is no error.
    ///
    /// # Errors
    /// [`AuthFailure::InvalidToken`](crate::AuthFailure::InvalidToken) if it is none of that session's.
    pub async fn log_out_with(&self, refresh_token: &str) -> Result<(), Error> {
        match self.session_of(refresh_token).await? {
            Some(session) => self.revoke(session.account_id, session.id).await.map(drop),
            None => Ok(()),
        }
    }

    /// Whether there was anything to revoke.
    pub(super) async fn revoke(&self, account: AccountId, session: SessionId) -> Result<bool, Error> {
        let event = self.session_revoked(account, session);
        Ok(self.inner.users.end_session(session, &[event]).await?)
    }
}
