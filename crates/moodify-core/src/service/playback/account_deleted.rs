use super::Playback;
use crate::Error;
use crate::model::event::AccountDeleted;
use crate::port::Ended;

impl Playback {
    /// Consumes the event: every connection of the account is closed, and what is known of its
    /// playback and devices goes. Doing it again changes nothing.
    pub async fn account_deleted(&self, event: &AccountDeleted) -> Result<(), Error> {
        let account = event.account_id;
        // First: whoever connects from now on is turned away.
        self.note_ended(Ended::Account(account)).await?;
        self.hub.close_account(account).await?;
        let _turn = self.turns.take(account).await;
        self.plays.forget(account);
        self.deserted.forget(account);
        Ok(self.store.forget(account).await?)
    }
}
