use std::cmp::Reverse;
use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;
use crate::model::{
    Account, AccountId, AccountUpdate, Credentials, Email, EndedSessions, Event, Identity, LogInSubject,
    LogInTally, MailTokenPurpose, NewAccount, Page, PageSize, PasswordChange, PasswordHash, Session,
    SessionId, StoredMailToken, TallyRule, TokenHash,
};
use crate::port::{Revoked, UserStore, UserStoreError};

#[derive(Debug, Default)]
pub(super) struct Users {
    accounts: HashMap<AccountId, Credentials>,
    by_email: HashMap<Email, AccountId>,
    identities: HashMap<Identity, AccountId>,
    sessions: HashMap<SessionId, Session>,
    tokens: HashMap<(AccountId, MailTokenPurpose), StoredMailToken>,
    tallies: HashMap<LogInSubject, LogInTally>,
}

impl Users {
    fn insert_account(&mut self, new: &NewAccount) -> Result<(), UserStoreError> {
        let account = &new.account;
        if self.by_email.contains_key(&account.email) {
            return Err(UserStoreError::EmailTaken);
        }
        if let Some(identity) = &new.identity {
            if !self.is_free(identity, account.id) {
                return Err(UserStoreError::IdentityTaken);
            }
            self.identities.insert(identity.clone(), account.id);
        }
        let (stored, password_hash) = (account.clone(), new.password_hash.clone());
        self.accounts.insert(account.id, Credentials { account: stored, password_hash, revision: 0 });
        self.by_email.insert(account.email.clone(), account.id);
        new.verification.iter().for_each(|token| self.insert_token(token));
        Ok(())
    }

    fn insert_token(&mut self, token: &StoredMailToken) {
        self.tokens.insert((token.account_id, token.purpose), token.clone());
    }

    /// The account, if it is at this revision.
    fn at(&mut self, id: AccountId, revision: u32) -> Option<&mut Credentials> {
        self.accounts.get_mut(&id).filter(|stored| stored.revision == revision)
    }

    fn is_there(&self, hash: TokenHash, account: AccountId) -> bool {
        self.tokens.values().any(|token| token.hash == hash && token.account_id == account)
    }

    /// Whether this identity may be linked to this account.
    fn is_free(&self, identity: &Identity, account: AccountId) -> bool {
        let of_issuer = |known: &Identity| known.issuer() == identity.issuer();
        !self.identities.contains_key(identity)
            && !self.identities.iter().any(|(known, id)| *id == account && of_issuer(known))
    }

    fn end(&mut self, account: AccountId, which: EndedSessions) -> Vec<SessionId> {
        let ended = self.sessions.values().filter(|s| s.account_id == account && which.contains(s.id));
        let mut ended: Vec<_> = ended.map(|session| session.id).collect();
        ended.sort_unstable();
        self.sessions.retain(|id, _| ended.binary_search(id).is_err());
        ended
    }
}

#[async_trait]
impl UserStore for MemoryStore {
    async fn create_account(
        &self,
        new: &NewAccount,
        session: &Session,
        events: &[Event],
    ) -> Result<(), UserStoreError> {
        let mut tables = self.tables();
        tables.users.insert_account(new)?;
        tables.users.sessions.insert(session.id, session.clone());
        tables.outbox.append(events);
        drop(tables);
        self.appended.give();
        Ok(())
    }

    async fn import_account(&self, new: &NewAccount, events: &[Event]) -> Result<bool, UserStoreError> {
        let mut tables = self.tables();
        if tables.users.accounts.contains_key(&new.account.id) {
            return Ok(false);
        }
        tables.users.insert_account(new)?;
        tables.outbox.append(events);
        drop(tables);
        self.appended.give();
        Ok(true)
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, UserStoreError> {
        Ok(self.tables().users.accounts.get(&id).map(|stored| stored.account.clone()))
    }

    async fn credentials(&self, email: &Email) -> Result<Option<Credentials>, UserStoreError> {
        let users = &self.tables().users;
        Ok(users.by_email.get(email).and_then(|id| users.accounts.get(id)).cloned())
    }

    async fn credentials_of(&self, id: AccountId) -> Result<Option<Credentials>, UserStoreError> {
        Ok(self.tables().users.accounts.get(&id).cloned())
    }

    async fn credentials_of_identity(
        &self,
        identity: &Identity,
    ) -> Result<Option<Credentials>, UserStoreError> {
        let users = &self.tables().users;
        Ok(users.identities.get(identity).and_then(|id| users.accounts.get(id)).cloned())
    }

    async fn update_account(
        &self,
        update: &AccountUpdate,
        events: &[Event],
        revoked: Revoked<'_>,
    ) -> Result<bool, UserStoreError> {
        let mut tables = self.tables();
        let (users, id) = (&mut tables.users, update.account.id);
        if update.spends.is_some_and(|hash| !users.is_there(hash, id)) {
            return Ok(false);
        }
        if users.at(id, update.revision).is_none() {
            return Ok(false);
        }
        if let Some(identity) = &update.links {
            if !users.is_free(identity, id) {
                return Err(UserStoreError::IdentityTaken);
            }
            users.identities.insert(identity.clone(), id);
        }
        let Some(stored) = users.at(id, update.revision) else { return Ok(false) };
        stored.revision += 1;
        stored.account = update.account.clone();
        match &update.password {
            PasswordChange::Keep => {}
            PasswordChange::Replace(hash) => stored.password_hash = Some(hash.clone()),
            PasswordChange::Remove => stored.password_hash = None,
        }
        users.tokens.retain(|_, token| {
            token.account_id != id
                || update.spends != Some(token.hash) && !update.voids.contains(&token.purpose)
        });
        let ended: Vec<Event> = users.end(id, update.ends).into_iter().map(revoked).collect();
        tables.outbox.append(events);
        tables.outbox.append(&ended);
        drop(tables);
        self.appended.give();
        Ok(true)
    }

    async fn replace_password_hash(
        &self,
        id: AccountId,
        from: &PasswordHash,
        to: &PasswordHash,
    ) -> Result<bool, UserStoreError> {
        let users = &mut self.tables().users;
        let stored = users.accounts.get_mut(&id).and_then(|stored| stored.password_hash.as_mut());
        let Some(stored) = stored.filter(|hash| *hash == from) else { return Ok(false) };
        *stored = to.clone();
        Ok(true)
    }

    async fn delete_account(
        &self,
        id: AccountId,
        revision: u32,
        events: &[Event],
    ) -> Result<bool, UserStoreError> {
        let mut tables = self.tables();
        let users = &mut tables.users;
        let Some(gone) = users.at(id, revision) else { return Ok(false) };
        let email = gone.account.email.clone();
        users.accounts.remove(&id);
        users.by_email.remove(&email);
        users.end(id, EndedSessions::All);
        users.tokens.retain(|_, token| token.account_id != id);
        users.identities.retain(|_, account| *account != id);
        tables.outbox.append(events);
        drop(tables);
        self.appended.give();
        Ok(true)
    }

    async fn create_session(&self, session: &Session, revision: u32) -> Result<bool, UserStoreError> {
        let users = &mut self.tables().users;
        let there = users.at(session.account_id, revision).is_some();
        if there {
            users.sessions.insert(session.id, session.clone());
        }
        Ok(there)
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, UserStoreError> {
        Ok(self.tables().users.sessions.get(&id).cloned())
    }

    async fn sessions(
        &self,
        account: AccountId,
        now: Timestamp,
        size: PageSize,
        after: Option<SessionId>,
    ) -> Result<Page<Session, SessionId>, UserStoreError> {
        let tables = self.tables();
        let is_listed = |session: &&Session| {
            session.account_id == account && session.is_live(now) && after.is_none_or(|id| session.id < id)
        };
        let mut sessions: Vec<_> = tables.users.sessions.values().filter(is_listed).cloned().collect();
        sessions.sort_by_key(|session| Reverse(session.id));
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

    async fn store_mail_token(
        &self,
        token: &StoredMailToken,
        not_since: Timestamp,
        events: &[Event],
    ) -> Result<bool, UserStoreError> {
        let mut tables = self.tables();
        let users = &mut tables.users;
        let earlier = users.tokens.get(&(token.account_id, token.purpose));
        let too_soon = earlier.is_some_and(|earlier| earlier.created_at > not_since);
        if too_soon || !users.accounts.contains_key(&token.account_id) {
            return Ok(false);
        }
        users.insert_token(token);
        tables.outbox.append(events);
        drop(tables);
        self.appended.give();
        Ok(true)
    }

    async fn mail_token(&self, hash: TokenHash) -> Result<Option<StoredMailToken>, UserStoreError> {
        Ok(self.tables().users.tokens.values().find(|token| token.hash == hash).cloned())
    }

    async fn remove_expired(&self, now: Timestamp, max: usize) -> Result<usize, UserStoreError> {
        let users = &mut self.tables().users;
        let dead: Vec<_> =
            users.sessions.values().filter(|s| !s.is_live(now)).map(|s| s.id).take(max).collect();
        let expired = users.tokens.values().filter(|token| token.expires_at <= now).take(max);
        let expired: Vec<_> = expired.map(|token| (token.account_id, token.purpose)).collect();
        users.sessions.retain(|id, _| !dead.contains(id));
        users.tokens.retain(|key, _| !expired.contains(key));
        Ok(dead.len() + expired.len())
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

    async fn uncount_log_in(&self, subject: LogInSubject) -> Result<(), UserStoreError> {
        let tallies = &mut self.tables().users.tallies;
        if let Some(tally) = tallies.get_mut(&subject).filter(|tally| tally.failures > 0) {
            tally.failures -= 1;
            tally.blocked_until = Timestamp::UNIX_EPOCH;
        }
        Ok(())
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
