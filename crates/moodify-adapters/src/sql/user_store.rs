use async_trait::async_trait;
use jiff::Timestamp;
use moodify_core::model::account::ArtistProfile;
use moodify_core::model::{
    Account, AccountId, Credentials, Email, Event, LogInSubject, LogInTally, NewAccount, PasswordHash,
    Session, SessionId, TallyRule, TokenHash,
};
use moodify_core::port::{UserStore, UserStoreError};

use super::SqlStore;
use super::database::{Row, Statement};
use super::error::Fault;

#[async_trait]
impl UserStore for SqlStore {
    async fn create_account(
        &self,
        account: &NewAccount,
        session: &Session,
        events: &[Event],
    ) -> Result<(), UserStoreError> {
        let mut transaction = self.database.begin().await?;
        if transaction.run(insert_account(account)).await? == 0 {
            return Err(UserStoreError::EmailTaken);
        }
        transaction.run(insert_session(session)).await?;
        Ok(self.commit(transaction, events).await?)
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, UserStoreError> {
        let query = Statement::new("SELECT * FROM accounts WHERE id = $1").bind(id);
        Ok(self.database.optional(query).await?.as_ref().map(account).transpose()?)
    }

    async fn credentials(&self, email: &Email) -> Result<Option<Credentials>, UserStoreError> {
        let query = Statement::new("SELECT * FROM accounts WHERE email = $1").bind(email.as_str());
        Ok(self.database.optional(query).await?.as_ref().map(credentials).transpose()?)
    }

    async fn create_session(&self, session: &Session) -> Result<(), UserStoreError> {
        match self.database.run(insert_session(session)).await {
            Ok(_) => Ok(()),
            Err(fault) if fault.is_missing_parent() => Err(UserStoreError::NotFound),
            Err(fault) => Err(fault.into()),
        }
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, UserStoreError> {
        let query = Statement::new("SELECT * FROM sessions WHERE id = $1").bind(id);
        Ok(self.database.optional(query).await?.as_ref().map(session).transpose()?)
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

    async fn log_in_tally(&self, subject: LogInSubject) -> Result<Option<LogInTally>, UserStoreError> {
        Ok(self.tally(subject).await?)
    }

    async fn count_log_in(&self, subject: LogInSubject, rule: &TallyRule) -> Result<bool, UserStoreError> {
        Ok(self.count(subject, rule).await?)
    }

    async fn set_log_in_tally(
        &self,
        subject: LogInSubject,
        tally: Option<&LogInTally>,
    ) -> Result<(), UserStoreError> {
        Ok(self.set_tally(subject, tally).await?)
    }
}

fn insert_account(new: &NewAccount) -> Statement {
    let account = &new.account;
    let artist = account.artist.as_ref();
    Statement::new(
        "INSERT INTO accounts (id, email, email_verified, first_name, last_name, artist_id, artist_name,
                               password_hash, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (email) DO NOTHING",
    )
    .bind(account.id)
    .bind(account.email.as_str())
    .bind(account.email_verified)
    .bind(account.first_name.as_str())
    .bind(account.last_name.as_str())
    .bind(artist.map(|artist| artist.id))
    .bind(artist.map(|artist| artist.name.as_str()))
    .bind(new.password_hash.as_ref().map(PasswordHash::as_phc))
    .bind(account.created_at)
}

fn insert_session(session: &Session) -> Statement {
    Statement::new(
        "INSERT INTO sessions (id, account_id, token_hash, generation, rotated_at, idle_expires_at,
                               expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(session.id)
    .bind(session.account_id)
    .bind(session.token_hash.0)
    .bind(session.generation)
    .bind(session.rotated_at)
    .bind(session.idle_expires_at)
    .bind(session.expires_at)
    .bind(session.created_at)
}

fn account(row: &Row) -> Result<Account, Fault> {
    let artist = match row.optional_id("artist_id")? {
        Some(id) => Some(ArtistProfile { id, name: row.checked("artist_name")? }),
        None => None,
    };
    Ok(Account {
        id: row.id("id")?,
        email: row.checked("email")?,
        email_verified: row.flag("email_verified")?,
        first_name: row.checked("first_name")?,
        last_name: row.checked("last_name")?,
        artist,
        created_at: row.time("created_at")?,
    })
}

fn credentials(row: &Row) -> Result<Credentials, Fault> {
    let password_hash = row.optional_text("password_hash")?.map(PasswordHash::from_phc);
    Ok(Credentials { account: account(row)?, password_hash })
}

fn session(row: &Row) -> Result<Session, Fault> {
    Ok(Session {
        id: row.id("id")?,
        account_id: row.id("account_id")?,
        token_hash: TokenHash(row.bytes32("token_hash")?),
        generation: row.unsigned("generation")?,
        rotated_at: row.time("rotated_at")?,
        idle_expires_at: row.time("idle_expires_at")?,
        expires_at: row.time("expires_at")?,
        created_at: row.time("created_at")?,
    })
}
