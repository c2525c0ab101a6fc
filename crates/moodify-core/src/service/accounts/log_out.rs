use super::Accounts;
use crate::Error;
use crate::model::event::SessionRevoked;
use crate::model::{AccountId, Caller, EventPayload, SessionId};

impl Accounts {
    /// Ends the session that this access token came from: its refresh token is dead at once, its
    /// sockets close, the access token runs out by itself. Doing it twice is no error.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn log_out(&self, caller: &Caller) -> Result<(), Error> {
        self.revoke(caller.account_id, caller.session_id).await
    }

    pub(super) async fn revoke(&self, account_id: AccountId, session_id: SessionId) -> Result<(), Error> {
        let context = &self.inner.context;
        let payload = EventPayload::SessionRevoked(SessionRevoked { account_id, session_id });
        let event = context.event(payload);
        self.inner.users.end_session(session_id, &[event]).await?;
        Ok(())
    }
}
