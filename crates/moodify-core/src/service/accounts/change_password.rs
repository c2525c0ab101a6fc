use super::reset_password::password_changed;
use super::update::Change;
use super::{Accounts, own_words};
use crate::Error;
use crate::error::AuthFailure;
use crate::model::{Caller, EndedSessions, Invalid, MailTokenPurpose, Password, PasswordChange};

impl Accounts {
    /// Gives the caller's account another password. All its other sessions end, also those that are
    /// just beginning with the old one, and so does a link for a new password that is under way.
    ///
    /// # Errors
    /// `wrong_password` at `/current_password`, also for an account that has none: its owner resets
    /// it. What [`Accounts::new_password`] says, at `/new_password`. [`AuthFailure::InvalidToken`] if
    /// the session has ended, [`Error::Busy`] when too many passwords are being hashed, or
    /// after too many wrong ones.
    pub async fn change_password(&self, caller: &Caller, current: &str, new: &str) -> Result<(), Error> {
        self.live_session(caller).await?;
        let known = self.inner.users.credentials_of(caller.account_id).await?;
        let known = known.ok_or(AuthFailure::InvalidToken)?;
        let new = self.new_password(new, &own_words(&known.account));
        let new = new.map_err(|why| Error::invalid("/new_password", why))?;
        let current = Password::given(current).map_err(|_| wrong_password())?;
        let verified = known.password_hash;
        let attempt = self.admit_signed_in(&known.account.email).await?;
        match self.inner.passwords.verify(current, verified.clone()).await {
            Ok(true) => self.succeeded(&attempt).await?,
            Ok(false) => return Err(wrong_password()),
            Err(error) => {
                self.not_made(&attempt).await;
                return Err(error);
            }
        }
        let hash = self.inner.passwords.hash(new).await?;
        let changed = self.update(caller.account_id, |current| {
            // Somebody else has changed it since.
            if current.password_hash != verified {
                return Err(wrong_password());
            }
            Ok(Change {
                password: PasswordChange::Replace(hash.clone()),
                voids: vec![MailTokenPurpose::ResetPassword],
                ends: EndedSessions::AllBut(caller.session_id),
                events: vec![password_changed(&current.account)],
                ..Change::to(current.account)
            })
        });
        changed.await.map(drop)
    }
}

fn wrong_password() -> Error {
    Error::invalid("/current_password", Invalid::new("wrong_password", "This is not the current password."))
}
