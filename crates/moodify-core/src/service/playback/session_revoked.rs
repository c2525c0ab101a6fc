use super::Playback;
use crate::Error;
use crate::model::event::SessionRevoked;
use crate::port::Ended;

impl Playback {
    /// Consumes the event: every connection of the session is closed, on whatever node it is.
    /// Closing them again changes nothing.
    pub async fn session_revoked(&self, event: &SessionRevoked) -> Result<(), Error> {
        self.note_ended(Ended::Session(event.session_id)).await?;
        Ok(self.hub.close_session(event.account_id, event.session_id).await?)
    }
}
