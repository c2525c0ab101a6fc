//! Accounts that come from another system: for commands of whoever runs the server, never for requests.

use super::passwords::Passwords;
use super::{Accounts, update};
use crate::Error;
use crate::model::{Account, AccountId, Email, Identity, NewAccount, PasswordHash};
use crate::port::UserStoreError;

/// What became of an account that was to be taken over.
#[derive(Debug)]
pub enum Imported {
    /// It is stored.
    Stored,
    /// It is stored without its identity, with which another account is signed in to.
    Unlinked,
    /// An account with its id was there already, and stays as it is.
    Known,
    /// This other account has its e-mail; nothing is stored.
    EmailTaken(Box<Account>),
}

impl Accounts {
    /// Takes an account over with the password and the identity that it has, under an id that the caller always makes of
    /// the same one: doing it twice stores it once.
    ///
    /// Nobody is welcomed, and nobody is asked to prove the mailbox: what others learn of it is what
    /// they learn of an account that has changed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn import(
        &self,
        account: Account,
        password_hash: Option<PasswordHash>,
        identity: Option<Identity>,
    ) -> Result<Imported, Error> {
        let users = &self.inner.users;
        let event = [self.inner.context.event(update::account_updated(&account))];
        let mut new = NewAccount { account, password_hash, verification: None, identity };
        let (mut stored, mut linked) = (users.import_account(&new, &event).await, true);
        if let Err(UserStoreError::IdentityTaken) = stored {
            new.identity = None;
            (stored, linked) = (users.import_account(&new, &event).await, false);
        }
        match stored {
            Ok(true) if linked => Ok(Imported::Stored),
            Ok(true) => Ok(Imported::Unlinked),
            Ok(false) => Ok(Imported::Known),
            Err(UserStoreError::EmailTaken) => {
                let holder = users.credentials(&new.account.email).await?;
                // Whoever had it may have gone in this very moment.
                let holder = holder.ok_or(UserStoreError::EmailTaken)?.account;
                Ok(Imported::EmailTaken(Box::new(holder)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The account with this id; `None` when there is none.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn account_with_id(&self, id: AccountId) -> Result<Option<Account>, Error> {
        Ok(self.inner.users.account(id).await?)
    }

    /// The account with this e-mail; `None` when there is none.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn account_with_email(&self, email: &Email) -> Result<Option<Account>, Error> {
        Ok(self.inner.users.credentials(email).await?.map(|known| known.account))
    }

    /// A password hash that was made elsewhere; `None` if it is none that log-ins can be compared with.
    pub fn foreign_hash(text: &str) -> Option<PasswordHash> {
        Passwords::made_elsewhere(text)
    }
}
