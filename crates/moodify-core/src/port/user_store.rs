use async_trait::async_trait;
use jiff::Timestamp;

use super::Unavailable;
use crate::model::{
    Account, AccountId, Credentials, Email, Event, LogInSubject, LogInTally, NewAccount, Session, SessionId,
    TallyRule, TokenHash,
};

/// Accounts and their refresh sessions.
///
/// Every write that takes `events` stores them in the [`Outbox`](super::Outbox) in the same atomic
/// step: after a crash either both are there or neither is. A read that begins after a write has
/// returned sees it.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Stores a new account with its first session.
    ///
    /// # Errors
    /// [`UserStoreError::EmailTaken`] if an account with this e-mail exists; then nothing is stored.
    /// Of concurrent calls with one e-mail exactly one succeeds.
    async fn create_account(
        &self,
        account: &NewAccount,
        session: &Session,
        events: &[Event],
    ) -> Result<(), UserStoreError>;

    /// The account with this id; `None` when there is none.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, UserStoreError>;

    /// The account with this e-mail and its password hash; `None` when there is none.
    async fn credentials(&self, email: &Email) -> Result<Option<Credentials>, UserStoreError>;

    /// Stores a session of an existing account.
    ///
    /// # Errors
    /// [`UserStoreError::NotFound`] if the account does not exist.
    async fn create_session(&self, session: &Session) -> Result<(), UserStoreError>;

    /// The session with this id; `None` when it never was or has ended. Expired sessions are
    /// returned as they are: whether one is live is the caller's question.
    async fn session(&self, id: SessionId) -> Result<Option<Session>, UserStoreError>;

    /// Replaces the newest refresh token of a session: generation `from` becomes `from + 1`.
    /// Returns `false`, and changes nothing, when the session is gone or no longer at `from`.
    /// Of concurrent calls with one `from` exactly one gets `true`.
    async fn rotate_session(
        &self,
        id: SessionId,
        from: u32,
        token_hash: TokenHash,
        rotated_at: Timestamp,
        idle_expires_at: Timestamp,
    ) -> Result<bool, UserStoreError>;

    /// Ends a session and stores `events`. Returns `false`, and stores nothing, when it had ended
    /// already.
    async fn end_session(&self, id: SessionId, events: &[Event]) -> Result<bool, UserStoreError>;

    /// The failed log-ins of this subject, also when they have expired; `None` when there are none.
    async fn log_in_tally(&self, subject: LogInSubject) -> Result<Option<LogInTally>, UserStoreError>;

    /// Counts one more failed log-in as [`LogInTally::one_more`] says; `false`, and nothing changes,
    /// while the subject is blocked. Of concurrent calls no more succeed than one after the other
    /// would. May remove tallies that have expired by then.
    async fn count_log_in(&self, subject: LogInSubject, rule: &TallyRule) -> Result<bool, UserStoreError>;

    /// Replaces the tally of this subject; `None` removes it.
    async fn set_log_in_tally(
        &self,
        subject: LogInSubject,
        tally: Option<&LogInTally>,
    ) -> Result<(), UserStoreError>;
}

/// Why a [`UserStore`] failed.
#[derive(Debug, thiserror::Error)]
pub enum UserStoreError {
    /// Another account has this e-mail.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The account that a write belongs to does not exist.
    #[error("the account does not exist")]
    NotFound,
    /// The technology failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
