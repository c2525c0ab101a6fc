use super::Playback;
use crate::Error;
use crate::model::event::SessionRevoked;

impl Playback {
    /// Consumes the event: every connection of the session is closed, on whatever node it is.
    /// Closing them again changes nothing.
    pub async fn session_revoked(&self, event: &SessionRevoked) -> Result<(), Error> {
        self.ended.session(event.session_id, self.context.now());
        Ok(self.hub.close_session(event.account_id, event.session_id).await?)
    }
}
