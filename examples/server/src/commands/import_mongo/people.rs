//! Who has come, and who gets what was an old user's.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use moodify_adapters::mongodb::mongoose::{MongooseReader, OldId};
use moodify_core::{
    Error, Moodify,
    model::{Account, AccountId, Email},
    service::accounts::Accounts,
};

use super::{ids, report::Reason};

/// The accounts as this run sees them; of a trial also those that it would have made.
pub(super) struct People {
    moodify: Moodify,
    reader: Arc<MongooseReader>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Accounts that come from the old system.
    came: HashSet<AccountId>,
    pretended: HashMap<AccountId, Account>,
    by_email: HashMap<Email, AccountId>,
    owners: HashMap<OldId, Owner>,
}

/// Who gets what was an old user's.
#[derive(Clone, Debug)]
pub(super) enum Owner {
    /// This account.
    Is(Box<Account>),
    /// Nobody.
    Nobody(Reason, &'static str),
}

impl People {
    pub(super) fn new(moodify: Moodify, reader: Arc<MongooseReader>) -> Self {
        Self { moodify, reader, known: Mutex::default() }
    }

    /// The old database of users.
    pub(super) fn reader(&self) -> &MongooseReader {
        &self.reader
    }

    /// The new accounts.
    pub(super) fn accounts(&self) -> &Accounts {
        self.moodify.accounts()
    }

    pub(super) async fn account(&self, id: AccountId) -> Result<Option<Account>, Error> {
        if let Some(account) = self.known().pretended.get(&id) {
            return Ok(Some(account.clone()));
        }
        self.accounts().account_with_id(id).await
    }

    pub(super) async fn account_with_email(&self, email: &Email) -> Result<Option<Account>, Error> {
        let pretended = self.known().by_email.get(email).copied();
        match pretended {
            Some(id) => self.account(id).await,
            None => self.accounts().account_with_email(email).await,
        }
    }

    /// This one would be there, had this not been a trial.
    pub(super) fn pretend(&self, account: Account) {
        let mut known = self.known();
        known.came.insert(account.id);
        known.by_email.insert(account.email.clone(), account.id);
        known.pretended.insert(account.id, account);
    }

    /// This one is there, and comes from the old system.
    pub(super) fn came(&self, id: AccountId) {
        self.known().came.insert(id);
    }

    pub(super) fn has_come(&self, id: AccountId) -> bool {
        self.known().came.contains(&id)
    }

    /// Who gets what was this old user's: the account that became of it, or the one that has its e-mail. Of
    /// the latter only one that comes from the old system as well, or whose owner has proved the mailbox:
    /// anybody can sign up with another one's e-mail, and a playlist may be private.
    ///
    /// # Errors
    /// If a part does not work.
    pub(super) async fn owner(&self, user: &OldId) -> Result<Owner, Error> {
        /// Musics of one artist and playlists of one listener often stand together.
        const REMEMBERED: usize = 10_000;
        if let Some(owner) = self.known().owners.get(user) {
            return Ok(owner.clone());
        }
        let owner = self.find_owner(user).await?;
        let owners = &mut self.known().owners;
        if owners.len() >= REMEMBERED {
            owners.clear();
        }
        owners.insert(user.clone(), owner.clone());
        Ok(owner)
    }

    async fn find_owner(&self, user: &OldId) -> Result<Owner, Error> {
        let nobody = |reason, detail| Ok(Owner::Nobody(reason, detail));
        if let Some(account) = self.account(ids::account(user)).await? {
            return Ok(Owner::Is(Box::new(account)));
        }
        let Some(old) = self.reader.user(user).await? else {
            return nobody(Reason::OwnerUnknown, "there is no user with the id that it names");
        };
        let email = old.email.as_deref().and_then(|email| Email::parse(email).ok());
        let holder = match &email {
            Some(email) => self.account_with_email(email).await?,
            None => None,
        };
        match holder {
            Some(holder) if holder.email_verified || self.has_come(holder.id) => {
                Ok(Owner::Is(Box::new(holder)))
            }
            Some(_) => nobody(
                Reason::OwnerNotImported,
                "the account with its user's e-mail has not proved the mailbox yet",
            ),
            None => nobody(Reason::OwnerNotImported, "its user has no account here"),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
