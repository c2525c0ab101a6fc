use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;
use crate::model::{
    Account, AccountId, Credentials, Email, Event, LogInSubject, LogInTally, NewAccount, Session, SessionId,
    TallyRule, TokenHash,
};
use crate::port::{UserStore, UserStoreError};

#[derive(Debug, Default)]
pub(super) struct Users {
    accounts: HashMap<AccountId, NewAccount>,
    by_email: HashMap<Email, AccountId>,
    sessions: HashMap<SessionId, Session>,
    tallies: HashMap<LogInSubject, LogInTally>,
}

#[async_trait]
impl UserStore for MemoryStore {
    async fn create_account(
        &self,
        account: &NewAccount,
        session: &Session,
        events: &[Event],
    ) -> Result<(), UserStoreError> {
        let mut tables = self.tables();
        if tables.users.by_email.contains_key(&account.account.email) {
            return Err(UserStoreError::EmailTaken);
        }
        tables.users.by_email.insert(account.account.email.clone(), account.account.id);
        tables.users.accounts.insert(account.account.id, account.clone());
        tables.users.sessions.insert(session.id, session.clone());
        tables.outbox.append(events);
        drop(tables);
        self.appended.give();
        Ok(())
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, UserStoreError> {
        Ok(self.tables().users.accounts.get(&id).map(|stored| stored.account.clone()))
    }

    async fn credentials(&self, email: &Email) -> Result<Option<Credentials>, UserStoreError> {
        let users = &self.tables().users;
        let stored = users.by_email.get(email).and_then(|id| users.accounts.get(id));
        Ok(stored
            .cloned()
            .map(|NewAccount { account, password_hash }| Credentials { account, password_hash }))
    }

    async fn create_session(&self, session: &Session) -> Result<(), UserStoreError> {
        let users = &mut self.tables().users;
        if !users.accounts.contains_key(&session.account_id) {
            return Err(UserStoreError::NotFound);
        }
        users.sessions.insert(session.id, session.clone());
        Ok(())
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, UserStoreError> {
        Ok(self.tables().users.sessions.get(&id).cloned())
    }

    async fn rotate_session(
        &self,
        id: SessionId,
        from: u32,
        token_hash: TokenHash,
        rotated_at: Timestamp,
        idle_expires_at: Timestamp,
    ) -> Result<bool, UserStoreError> {
        let users = &mut self.tables().users;
        let Some(session) = users.sessions.get_mut(&id).filter(|session| session.generation == from) else {
            return Ok(false);
        };
        session.generation = from.saturating_add(1);
        session.token_hash = token_hash;
        session.rotated_at = rotated_at;
        session.idle_expires_at = idle_expires_at;
        Ok(true)
    }

    async fn end_session(&self, id: SessionId, events: &[Event]) -> Result<bool, UserStoreError> {
        let mut tables = self.tables();
        if tables.users.sessions.remove(&id).is_none() {
            return Ok(false);
        }
        tables.outbox.append(events);
        drop(tables);
        self.appended.give();
        Ok(true)
    }

    async fn log_in_tally(&self, subject: LogInSubject) -> Result<Option<LogInTally>, UserStoreError> {
        Ok(self.tables().users.tallies.get(&subject).copied())
    }

    async fn count_log_in(&self, subject: LogInSubject, rule: &TallyRule) -> Result<bool, UserStoreError> {
        let tallies = &mut self.tables().users.tallies;
        let next = LogInTally::one_more(tallies.get(&subject).copied(), rule);
        if let Some(next) = next {
            tallies.retain(|_, tally| rule.now < tally.expires_at);
            tallies.insert(subject, next);
        }
        Ok(next.is_some())
    }

    async fn set_log_in_tally(
        &self,
        subject: LogInSubject,
        tally: Option<&LogInTally>,
    ) -> Result<(), UserStoreError> {
        let tallies = &mut self.tables().users.tallies;
        match tally {
            Some(tally) => tallies.insert(subject, *tally),
            None => tallies.remove(&subject),
        };
        Ok(())
    }
}
