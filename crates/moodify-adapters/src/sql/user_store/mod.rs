mod accounts;
mod identities;
mod mail_tokens;
mod sessions;

use async_trait::async_trait;
use jiff::Timestamp;
use moodify_core::model::{
    Account, AccountId, AccountUpdate, Credentials, Email, Event, Identity, LogInSubject, LogInTally,
    NewAccount, Page, PageSize, PasswordHash, Session, SessionId, StoredMailToken, TallyRule, TokenHash,
};
use moodify_core::port::{Revoked, UserStore, UserStoreError};

use super::SqlStore;
use super::database::{Statement, Transaction};

/// What comes with a new account.
async fn insert_with(transaction: &mut Transaction, new: &NewAccount) -> Result<(), UserStoreError> {
    if let Some(identity) = &new.identity
        && transaction.run(identities::insert(identity, new.account.id)).await? == 0
    {
        return Err(UserStoreError::IdentityTaken);
    }
    if let Some(token) = &new.verification {
        transaction.run(mail_tokens::insert(token)).await?;
    }
    Ok(())
}

#[async_trait]
impl UserStore for SqlStore {
    async fn create_account(
        &self,
        account: &NewAccount,
        session: &Session,
        events: &[Event],
    ) -> Result<(), UserStoreError> {
        let mut transaction = self.database.begin().await?;
        if transaction.run(accounts::insert(account)).await? == 0 {
            return Err(UserStoreError::EmailTaken);
        }
        insert_with(&mut transaction, account).await?;
        transaction.run(sessions::insert(session)).await?;
        Ok(self.commit(transaction, events).await?)
    }

    async fn import_account(&self, account: &NewAccount, events: &[Event]) -> Result<bool, UserStoreError> {
        let mut transaction = self.database.begin().await?;
        if transaction.run(accounts::insert(account)).await? == 0 {
            let known = Statement::new("SELECT 1 FROM accounts WHERE id = $1").bind(account.account.id);
            let is_known = transaction.optional(known).await?.is_some();
            return if is_known { Ok(false) } else { Err(UserStoreError::EmailTaken) };
        }
        insert_with(&mut transaction, account).await?;
        self.commit(transaction, events).await?;
        Ok(true)
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, UserStoreError> {
        let query = Statement::new("SELECT * FROM accounts WHERE id = $1").bind(id);
        Ok(self.database.optional(query).await?.as_ref().map(accounts::account).transpose()?)
    }

    async fn credentials(&self, email: &Email) -> Result<Option<Credentials>, UserStoreError> {
        let query = Statement::new("SELECT * FROM accounts WHERE email = $1").bind(email.as_str());
        Ok(self.database.optional(query).await?.as_ref().map(accounts::credentials).transpose()?)
    }

    async fn credentials_of(&self, id: AccountId) -> Result<Option<Credentials>, UserStoreError> {
        let query = Statement::new("SELECT * FROM accounts WHERE id = $1").bind(id);
        Ok(self.database.optional(query).await?.as_ref().map(accounts::credentials).transpose()?)
    }

    async fn credentials_of_identity(
        &self,
        identity: &Identity,
    ) -> Result<Option<Credentials>, UserStoreError> {
        let row = self.database.optional(identities::credentials(identity)).await?;
        Ok(row.as_ref().map(accounts::credentials).transpose()?)
    }

    async fn update_account(
        &self,
        update: &AccountUpdate,
        events: &[Event],
        revoked: Revoked<'_>,
    ) -> Result<bool, UserStoreError> {
        let id = update.account.id;
        let mut transaction = self.database.begin().await?;
        // First of all: whoever else changes this account, or signs in to it, now waits.
        if transaction.run(accounts::update(update)).await? == 0 {
            return Ok(false);
        }
        if let Some(identity) = &update.links
            && transaction.run(identities::insert(identity, id)).await? == 0
        {
            return Err(UserStoreError::IdentityTaken);
        }
        if let Some(hash) = update.spends
            && transaction.run(mail_tokens::spend(hash, id)).await? == 0
        {
            return Ok(false);
        }
        for purpose in &update.voids {
            transaction.run(mail_tokens::void(id, *purpose)).await?;
        }
        let mut events = events.to_vec();
        if let Some(delete) = sessions::end(id, update.ends) {
            for row in transaction.all(delete).await? {
                events.push(revoked(row.id("id")?));
            }
        }
        self.commit(transaction, &events).await?;
        Ok(true)
    }

    async fn replace_password_hash(
        &self,
        id: AccountId,
        from: &PasswordHash,
        to: &PasswordHash,
    ) -> Result<bool, UserStoreError> {
        let update =
            Statement::new("UPDATE accounts SET password_hash = $1 WHERE id = $2 AND password_hash = $3");
        Ok(self.database.run(update.bind(to.as_phc()).bind(id).bind(from.as_phc())).await? == 1)
    }

    async fn delete_account(
        &self,
        id: AccountId,
        revision: u32,
        events: &[Event],
    ) -> Result<bool, UserStoreError> {
        let mut transaction = self.database.begin().await?;
        // Its sessions, tokens and identities go with it.
        let delete = Statement::new("DELETE FROM accounts WHERE id = $1 AND revision = $2");
        if transaction.run(delete.bind(id).bind(revision)).await? == 0 {
            return Ok(false);
        }
        self.commit(transaction, events).await?;
        Ok(true)
    }

    async fn create_session(&self, session: &Session, revision: u32) -> Result<bool, UserStoreError> {
        let mut transaction = self.database.begin().await?;
        // A session must not slip in behind the end of all.
        let lock = Statement::new("SELECT 1 FROM accounts WHERE id = $1 FOR SHARE").bind(session.account_id);
        transaction.lock(lock).await?;
        if transaction.run(sessions::insert_at(session, revision)).await? == 0 {
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, UserStoreError> {
        let query = Statement::new("SELECT * FROM sessions WHERE id = $1").bind(id);
        Ok(self.database.optional(query).await?.as_ref().map(sessions::session).transpose()?)
    }

    async fn sessions(
        &self,
        account: AccountId,
        now: Timestamp,
        size: PageSize,
        after: Option<SessionId>,
    ) -> Result<Page<Session, SessionId>, UserStoreError> {
        let rows = self.database.all(sessions::list(account, now, size, after)).await?;
        let sessions = rows.iter().map(sessions::session).collect::<Result<_, _>>()?;
        Ok(Page::from_surplus(sessions, size, |session| session.id))
    }

    async fn rotate_session(
        &self,
        id: SessionId,
        from: u32,
        token_hash: TokenHash,
        rotated_at: Timestamp,
        idle_expires_at: Timestamp,
    ) -> Result<bool, UserStoreError> {
        let update = Statement::new(
            "UPDATE sessions
             SET generation = generation + 1, token_hash = $1, rotated_at = $2, idle_expires_at = $3
             WHERE id = $4 AND generation = $5",
        );
        let update = update.bind(token_hash.0).bind(rotated_at).bind(idle_expires_at).bind(id).bind(from);
        Ok(self.database.run(update).await? == 1)
    }

    async fn end_session(&self, id: SessionId, events: &[Event]) -> Result<bool, UserStoreError> {
        let mut transaction = self.database.begin().await?;
        let delete = Statement::new("DELETE FROM sessions WHERE id = $1").bind(id);
        if transaction.run(delete).await? == 0 {
            return Ok(false);
        }
        self.commit(transaction, events).await?;
        Ok(true)
    }

    async fn store_mail_token(
        &self,
        token: &StoredMailToken,
        not_since: Timestamp,
        events: &[Event],
    ) -> Result<bool, UserStoreError> {
        let mut transaction = self.database.begin().await?;
        match transaction.run(mail_tokens::replace(token, not_since)).await {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(fault) if fault.is_missing_parent() => return Ok(false),
            Err(fault) => return Err(fault.into()),
        }
        self.commit(transaction, events).await?;
        Ok(true)
    }

    async fn mail_token(&self, hash: TokenHash) -> Result<Option<StoredMailToken>, UserStoreError> {
        let query = Statement::new("SELECT * FROM mail_tokens WHERE hash = $1").bind(hash.0);
        Ok(self.database.optional(query).await?.as_ref().map(mail_tokens::token).transpose()?)
    }

    async fn remove_expired(&self, now: Timestamp, max: usize) -> Result<usize, UserStoreError> {
        let sessions = self.database.run(sessions::remove_expired(now, max)).await?;
        let tokens = self.database.run(mail_tokens::remove_expired(now, max)).await?;
        Ok(usize::try_from(sessions + tokens).unwrap_or(usize::MAX))
    }

    async fn log_in_tally(&self, subject: LogInSubject) -> Result<Option<LogInTally>, UserStoreError> {
        Ok(self.tally(subject).await?)
    }

    async fn count_log_in(&self, subject: LogInSubject, rule: &TallyRule) -> Result<bool, UserStoreError> {
        Ok(self.count(subject, rule).await?)
    }

    async fn uncount_log_in(&self, subject: LogInSubject) -> Result<(), UserStoreError> {
        Ok(self.uncount(subject).await?)
    }

    async fn set_log_in_tally(
        &self,
        subject: LogInSubject,
        tally: Option<&LogInTally>,
    ) -> Result<(), UserStoreError> {
        Ok(self.set_tally(subject, tally).await?)
    }
}
