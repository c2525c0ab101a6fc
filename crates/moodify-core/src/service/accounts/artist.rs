use super::Accounts;
use crate::Error;
use crate::model::{Account, Caller, Email};

impl Accounts {
    /// Whoever has this e-mail, in the way the music service sees an artist: for commands of whoever
    /// runs the server, never for requests. There is no session behind it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if nobody has it; `artist_only` if it is a listener's.
    pub async fn artist(&self, email: &Email) -> Result<Caller, Error> {
        let known = self.inner.users.credentials(email).await?;
        let account = known.ok_or(Error::NotFound { what: "account" })?.account;
        if account.artist.is_none() {
            return Err(Error::Forbidden { code: "artist_only", message: "This account is a listener's." });
        }
        Ok(self.caller_of(&account))
    }

    /// An account in the way the music service sees it; for the same commands.
    pub fn caller_of(&self, account: &Account) -> Caller {
        Caller {
            account_id: account.id,
            session_id: self.inner.context.new_id(),
            role: account.role(),
            artist_id: account.artist.as_ref().map(|artist| artist.id),
            name: account.display_name(),
            expires_at: self.inner.context.now(),
        }
    }
}
