mod accounts;
mod identities;
mod mail_tokens;
mod sessions;

use async_trait::async_trait;
use jiff::Timestamp;
use mongodb::bson::{Document, doc};
use moodify_core::model::{
    Account, AccountId, AccountUpdate, Credentials, Email, Event, Identity, LogInSubject, LogInTally,
    NewAccount, Page, PageSize, PasswordHash, Session, SessionId, StoredMailToken, TallyRule, TokenHash,
};
use moodify_core::port::{Revoked, UserStore, UserStoreError};

use super::MongoStore;
use super::error::Fault;
use super::outbox;
use super::row::{Key, Row, bytes, micros};
use super::step::{Find, Step};

/// A new account, and what comes with it.
async fn insert(step: &mut Step<'_>, new: &NewAccount) -> Result<(), UserStoreError> {
    if let Some(identity) = &new.identity {
        identities::link(step, identity, new.account.id).await?;
    }
    step.insert(accounts::COLLECTION, accounts::document(new)).await?;
    if let Some(token) = &new.verification {
        step.insert(mail_tokens::COLLECTION, mail_tokens::document(token)).await?;
    }
    Ok(())
}

#[async_trait]
impl UserStore for MongoStore {
    async fn create_account(
        &self,
        account: &NewAccount,
        session: &Session,
        events: &[Event],
    ) -> Result<(), UserStoreError> {
        let created = self.database.atomically(|step| {
            Box::pin(async move {
                let email = doc! { "email": account.account.email.as_str() };
                if step.exists(accounts::COLLECTION, email).await? {
                    return Err(UserStoreError::EmailTaken);
                }
                // Of two at once the second one meets the first, begins again, and finds the e-mail taken.
                insert(step, account).await?;
                step.insert(sessions::COLLECTION, sessions::document(session)).await?;
                Ok(outbox::append(step, events).await?)
            })
        });
        created.await
    }

    async fn import_account(&self, account: &NewAccount, events: &[Event]) -> Result<bool, UserStoreError> {
        let imported = self.database.atomically(|step| {
            Box::pin(async move {
                if step.exists(accounts::COLLECTION, doc! { "_id": account.account.id.key() }).await? {
                    return Ok(false);
                }
                let email = doc! { "email": account.account.email.as_str() };
                if step.exists(accounts::COLLECTION, email).await? {
                    return Err(UserStoreError::EmailTaken);
                }
                // Of two at once the second one meets the first, begins again, and finds it there.
                insert(step, account).await?;
                outbox::append(step, events).await?;
                Ok(true)
            })
        });
        imported.await
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, UserStoreError> {
        let row = self.database.plain().find_one(accounts::COLLECTION, doc! { "_id": id.key() }).await?;
        Ok(row.as_ref().map(accounts::account).transpose()?)
    }

    async fn credentials(&self, email: &Email) -> Result<Option<Credentials>, UserStoreError> {
        Ok(self.credentials_where(doc! { "email": email.as_str() }).await?)
    }

    async fn credentials_of(&self, id: AccountId) -> Result<Option<Credentials>, UserStoreError> {
        Ok(self.credentials_where(doc! { "_id": id.key() }).await?)
    }

    async fn credentials_of_identity(
        &self,
        identity: &Identity,
    ) -> Result<Option<Credentials>, UserStoreError> {
        let mut step = self.database.plain();
        let linked = step.find_one(identities::COLLECTION, identities::filter(identity)).await?;
        let Some(linked) = linked else { return Ok(None) };
        self.credentials_of(linked.id("account_id")?).await
    }

    async fn update_account(
        &self,
        update: &AccountUpdate,
        events: &[Event],
        revoked: Revoked<'_>,
    ) -> Result<bool, UserStoreError> {
        let updated = self.database.atomically(|step| {
            Box::pin(async move {
                let id = update.account.id;
                let spent = update.spends.map(|hash| doc! { "_id": bytes(hash.0), "account_id": id.key() });
                if let Some(token) = &spent
                    && !step.exists(mail_tokens::COLLECTION, token.clone()).await?
                {
                    return Ok(false);
                }
                let expected = doc! { "_id": id.key(), "revision": i64::from(update.revision) };
                if !step.update(accounts::COLLECTION, expected, accounts::update(update)).await? {
                    return Ok(false);
                }
                if let Some(identity) = &update.links {
                    identities::link(step, identity, id).await?;
                }
                if let Some(token) = spent {
                    step.delete(mail_tokens::COLLECTION, token).await?;
                }
                for purpose in &update.voids {
                    let token = doc! { "account_id": id.key(), "purpose": purpose.as_str() };
                    step.delete(mail_tokens::COLLECTION, token).await?;
                }
                let mut events = events.to_vec();
                if let Some(ended) = sessions::ended(id, update.ends) {
                    let those = Find::new(sessions::COLLECTION, ended.clone()).fields(doc! { "_id": 1 });
                    for row in step.find(those).await? {
                        events.push(revoked(row.id("_id")?));
                    }
                    step.delete_all(sessions::COLLECTION, ended).await?;
                }
                outbox::append(step, &events).await?;
                Ok::<_, UserStoreError>(true)
            })
        });
        updated.await
    }

    async fn replace_password_hash(
        &self,
        id: AccountId,
        from: &PasswordHash,
        to: &PasswordHash,
    ) -> Result<bool, UserStoreError> {
        let expected = doc! { "_id": id.key(), "password_hash": from.as_phc() };
        let set = doc! { "$set": { "password_hash": to.as_phc() } };
        Ok(self.database.plain().update(accounts::COLLECTION, expected, set).await?)
    }

    async fn delete_account(
        &self,
        id: AccountId,
        revision: u32,
        events: &[Event],
    ) -> Result<bool, UserStoreError> {
        let deleted = self.database.atomically(|step| {
            Box::pin(async move {
                let expected = doc! { "_id": id.key(), "revision": i64::from(revision) };
                if !step.delete(accounts::COLLECTION, expected).await? {
                    return Ok(false);
                }
                for collection in [sessions::COLLECTION, mail_tokens::COLLECTION, identities::COLLECTION] {
                    step.delete_all(collection, doc! { "account_id": id.key() }).await?;
                }
                outbox::append(step, events).await?;
                Ok::<_, UserStoreError>(true)
            })
        });
        deleted.await
    }

    async fn create_session(&self, session: &Session, revision: u32) -> Result<bool, UserStoreError> {
        let created = self.database.atomically(|step| {
            Box::pin(async move {
                // Held, or the session could slip in behind the end of all.
                let account = session.account_id;
                if !holds(step, account, doc! { "revision": i64::from(revision) }).await? {
                    return Ok(false);
                }
                step.insert(sessions::COLLECTION, sessions::document(session)).await?;
                Ok::<_, UserStoreError>(true)
            })
        });
        created.await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, UserStoreError> {
        let row = self.database.plain().find_one(sessions::COLLECTION, doc! { "_id": id.key() }).await?;
        Ok(row.as_ref().map(sessions::session).transpose()?)
    }

    async fn sessions(
        &self,
        account: AccountId,
        now: Timestamp,
        size: PageSize,
        after: Option<SessionId>,
    ) -> Result<Page<Session, SessionId>, UserStoreError> {
        let rows = self.database.plain().find(sessions::list(account, now, size, after)).await?;
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
        let mut step = self.database.plain();
        let expected = doc! { "_id": id.key(), "generation": i64::from(from) };
        // Its last end never changes.
        let Some(row) = step.find_one(sessions::COLLECTION, expected.clone()).await? else {
            return Ok(false);
        };
        let mut set = sessions::ends(idle_expires_at, row.time("expires_at")?);
        set.insert("token_hash", bytes(token_hash.0));
        set.insert("rotated_at", micros(rotated_at));
        let rotate = doc! { "$set": set, "$inc": { "generation": 1_i64 } };
        Ok(step.update(sessions::COLLECTION, expected, rotate).await?)
    }

    async fn end_session(&self, id: SessionId, events: &[Event]) -> Result<bool, UserStoreError> {
        let ended = self.database.atomically(|step| {
            Box::pin(async move {
                if !step.delete(sessions::COLLECTION, doc! { "_id": id.key() }).await? {
                    return Ok(false);
                }
                outbox::append(step, events).await?;
                Ok::<_, UserStoreError>(true)
            })
        });
        ended.await
    }

    async fn store_mail_token(
        &self,
        token: &StoredMailToken,
        not_since: Timestamp,
        events: &[Event],
    ) -> Result<bool, UserStoreError> {
        let stored = self.database.atomically(|step| {
            Box::pin(async move {
                if !holds(step, token.account_id, doc! {}).await? {
                    return Ok(false);
                }
                let of_purpose =
                    doc! { "account_id": token.account_id.key(), "purpose": token.purpose.as_str() };
                if let Some(known) = step.find_one(mail_tokens::COLLECTION, of_purpose.clone()).await? {
                    if known.time("created_at")? > not_since {
                        return Ok(false);
                    }
                    step.delete(mail_tokens::COLLECTION, of_purpose).await?;
                }
                step.insert(mail_tokens::COLLECTION, mail_tokens::document(token)).await?;
                outbox::append(step, events).await?;
                Ok::<_, UserStoreError>(true)
            })
        });
        stored.await
    }

    async fn mail_token(&self, hash: TokenHash) -> Result<Option<StoredMailToken>, UserStoreError> {
        let by_hash = doc! { "_id": bytes(hash.0) };
        let row = self.database.plain().find_one(mail_tokens::COLLECTION, by_hash).await?;
        Ok(row.as_ref().map(mail_tokens::token).transpose()?)
    }

    async fn remove_expired(&self, now: Timestamp, max: usize) -> Result<usize, UserStoreError> {
        let mut step = self.database.plain();
        let over = doc! { "$lte": micros(now) };
        let sessions = step.delete_some(sessions::COLLECTION, doc! { "ends_at": over.clone() }, max).await?;
        let tokens = step.delete_some(mail_tokens::COLLECTION, doc! { "expires_at": over }, max).await?;
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

impl MongoStore {
    async fn credentials_where(&self, filter: Document) -> Result<Option<Credentials>, Fault> {
        let row: Option<Row> = self.database.plain().find_one(accounts::COLLECTION, filter).await?;
        row.as_ref().map(accounts::credentials).transpose()
    }
}

/// Keeps an account that passes this as it is until the step ends; `false` if it does not.
async fn holds(step: &mut Step<'_>, id: AccountId, mut expected: Document) -> Result<bool, Fault> {
    expected.insert("_id", id.key());
    step.hold(accounts::COLLECTION, expected).await
}
