use async_trait::async_trait;
use jiff::Timestamp;

use super::Unavailable;
use crate::model::{
    Account, AccountId, AccountUpdate, Credentials, Email, Event, Identity, LogInSubject, LogInTally,
    NewAccount, Page, PageSize, PasswordHash, Session, SessionId, StoredMailToken, TallyRule, TokenHash,
};

/// Makes the event that tells of the end of one session.
pub type Revoked<'a> = &'a (dyn Fn(SessionId) -> Event + Send + Sync);

/// Accounts, who signs in to them through identity providers, their refresh sessions, and the tokens that
/// were mailed to their owners.
///
/// An identity is linked to one account at most, and an account has one identity of an issuer at most.
///
/// Every write that takes `events` stores them in the [`Outbox`](super::Outbox) in the same atomic
/// step: after a crash either both are there or neither is. A read that begins after a write has
/// returned sees it.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Stores a new account, at revision 0, with its first session, its token and its identity.
    ///
    /// # Errors
    /// [`UserStoreError::EmailTaken`] if an account with this e-mail exists,
    /// [`UserStoreError::IdentityTaken`] if the identity is linked to one; then nothing is stored.
    /// Of concurrent calls with one e-mail, or one identity, exactly one succeeds.
    async fn create_account(
        &self,
        account: &NewAccount,
        session: &Session,
        events: &[Event],
    ) -> Result<(), UserStoreError>;

    /// Stores an account that comes from elsewhere, at revision 0, with its token if there is one, and
    /// without a session. Returns `false`, and stores nothing, when an account with this id is there
    /// already. Of concurrent calls with one id exactly one gets `true`.
    ///
    /// # Errors
    /// [`UserStoreError::EmailTaken`] if another account has this e-mail, [`UserStoreError::IdentityTaken`] if
    /// another one has its identity; then nothing is stored.
    async fn import_account(&self, account: &NewAccount, events: &[Event]) -> Result<bool, UserStoreError>;

    /// The account with this id; `None` when there is none.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, UserStoreError>;

    /// The account with this e-mail, its password hash and its revision; `None` when there is none.
    async fn credentials(&self, email: &Email) -> Result<Option<Credentials>, UserStoreError>;

    /// The same for the account with this id.
    async fn credentials_of(&self, id: AccountId) -> Result<Option<Credentials>, UserStoreError>;

    /// The same for the account that this identity is linked to.
    async fn credentials_of_identity(
        &self,
        identity: &Identity,
    ) -> Result<Option<Credentials>, UserStoreError>;

    /// Changes an account, links an identity to it, ends the sessions and takes the tokens that go with it, stores `events`
    /// and after them one from `revoked` for each session that ended, and counts the revision up.
    ///
    /// Returns `false`, and changes nothing, when the account is gone or at another revision, or
    /// when the token that this would spend is not there (or not this account's). Of concurrent
    /// calls from one revision exactly one gets `true`.
    ///
    /// # Errors
    /// [`UserStoreError::IdentityTaken`] if the identity that this would link is linked already, to
    /// whichever account, or the account has another one of that issuer; then nothing changes.
    async fn update_account(
        &self,
        update: &AccountUpdate,
        events: &[Event],
        revoked: Revoked<'_>,
    ) -> Result<bool, UserStoreError>;

    /// Replaces the hash of a password by a better one of the same password: the revision stays.
    /// Returns `false`, and changes nothing, when the account is gone or its hash is not `from`.
    async fn replace_password_hash(
        &self,
        id: AccountId,
        from: &PasswordHash,
        to: &PasswordHash,
    ) -> Result<bool, UserStoreError>;

    /// Takes an account away with its sessions, tokens and identities, and stores `events`; its e-mail and
    /// its identities are free again. Returns `false`, and changes nothing, when it is gone or at another revision.
    async fn delete_account(
        &self,
        id: AccountId,
        revision: u32,
        events: &[Event],
    ) -> Result<bool, UserStoreError>;

    /// Stores a session of an account that is still at this revision: one that changed its password
    /// since it was asked for it gets none. Returns `false`, and stores nothing, when the account
    /// is gone or at another revision.
    async fn create_session(&self, session: &Session, revision: u32) -> Result<bool, UserStoreError>;

    /// The session with this id; `None` when it never was or has ended. Expired sessions are
    /// returned as they are: whether one is live is the caller's question.
    async fn session(&self, id: SessionId) -> Result<Option<Session>, UserStoreError>;

    /// The sessions of an account that are live at `now`, by id, greatest first, from behind
    /// `after` on. Empty when there is no such account.
    async fn sessions(
        &self,
        account: AccountId,
        now: Timestamp,
        size: PageSize,
        after: Option<SessionId>,
    ) -> Result<Page<Session, SessionId>, UserStoreError>;

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

    /// Stores a token, in place of the one that the account has for the same purpose, and `events`.
    /// Returns `false`, and stores nothing, when the account is gone, or has such a token that was
    /// made after `not_since`. Of concurrent calls, one that finds the token of another younger
    /// than its `not_since` gets `false`.
    async fn store_mail_token(
        &self,
        token: &StoredMailToken,
        not_since: Timestamp,
        events: &[Event],
    ) -> Result<bool, UserStoreError>;

    /// The token with this hash; `None` when it never was, was used up or replaced. Expired ones are
    /// returned as they are.
    async fn mail_token(&self, hash: TokenHash) -> Result<Option<StoredMailToken>, UserStoreError>;

    /// Takes away sessions that are not live any more at `now`, and tokens that have expired by
    /// then: up to `max` of each. Returns how many it took; nobody is told of them.
    async fn remove_expired(&self, now: Timestamp, max: usize) -> Result<usize, UserStoreError>;

    /// The failed log-ins of this subject, also when they have expired; `None` when there are none.
    async fn log_in_tally(&self, subject: LogInSubject) -> Result<Option<LogInTally>, UserStoreError>;

    /// Counts one more failed log-in as [`LogInTally::one_more`] says; `false`, and nothing changes,
    /// while the subject is blocked. Of concurrent calls no more succeed than one after the other
    /// would. May remove tallies that have expired by then.
    async fn count_log_in(&self, subject: LogInSubject, rule: &TallyRule) -> Result<bool, UserStoreError>;

    /// Takes one failed log-in back, and the block with it, in one atomic step: none that others count
    /// meanwhile is lost. Does nothing where there is no failure.
    async fn uncount_log_in(&self, subject: LogInSubject) -> Result<(), UserStoreError>;

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
    /// The identity is linked already, or the account has another one of its issuer.
    #[error("the identity is linked, or the account has another one of its issuer")]
    IdentityTaken,
    /// The technology failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
