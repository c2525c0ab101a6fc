use jiff::Timestamp;

use super::{Connection, Playback, Refusal};
use crate::model::Caller;
use crate::{AuthFailure, Error};

impl Playback {
    /// A newer token of the same account keeps the connection open. Returns when it expires.
    ///
    /// # Errors
    /// [`Refusal::OtherAccount`] inside; the connection stays as it was.
    /// [`Error::Unauthenticated`] when the token has expired, or its session has ended.
    pub async fn auth_refresh(
        &self,
        connection: &mut Connection,
        caller: &Caller,
    ) -> Result<Result<Timestamp, Refusal>, Error> {
        if caller.account_id != connection.subscriber.account {
            return Ok(Err(Refusal::OtherAccount));
        }
        self.in_time(caller)?;
        let before = connection.subscriber.session;
        connection.subscriber.session = caller.session_id;
        self.hub.update(&connection.subscriber).await?;
        // After the update: what ends from now on reaches the connection.
        let ended = self.has_ended(caller).await;
        if !matches!(ended, Ok(false)) {
            connection.subscriber.session = before;
            self.hub.update(&connection.subscriber).await?;
            return Err(ended.err().unwrap_or_else(|| AuthFailure::InvalidToken.into()));
        }
        connection.expires_at = caller.expires_at;
        Ok(Ok(caller.expires_at))
    }
}
