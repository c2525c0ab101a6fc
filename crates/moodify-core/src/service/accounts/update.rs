//! Changing an account while others may change it too.

use std::time::Duration;

use super::{Accounts, Inner};
use crate::Error;
use crate::error::AuthFailure;
use crate::model::event::{AccountUpdated, SessionRevoked};
use crate::model::{
    Account, AccountId, AccountUpdate, Credentials, EndedSessions, Event, EventPayload, Identity,
    MailTokenPurpose, PasswordChange, SessionId, TokenHash,
};

/// What is to become of an account.
pub(super) struct Change {
    pub(super) account: Account,
    pub(super) password: PasswordChange,
    pub(super) links: Option<Identity>,
    pub(super) spends: Option<TokenHash>,
    pub(super) voids: Vec<MailTokenPurpose>,
    pub(super) ends: EndedSessions,
    pub(super) events: Vec<EventPayload>,
}

impl Change {
    /// The account as it is to be, and nothing else.
    pub(super) fn to(account: Account) -> Self {
        Self {
            account,
            password: PasswordChange::Keep,
            links: None,
            spends: None,
            voids: Vec::new(),
            ends: EndedSessions::None,
            events: Vec::new(),
        }
    }
}

impl Accounts {
    /// Makes a change from what the account is, and again when somebody else was faster.
    ///
    /// # Errors
    /// Those of `change`; [`AuthFailure::InvalidToken`] if the account is gone, `token_invalid` if
    /// the token that the change spends is.
    pub(super) async fn update(
        &self,
        id: AccountId,
        change: impl Fn(Credentials) -> Result<Change, Error> + Send + Sync,
    ) -> Result<Account, Error> {
        /// Each lost race is a change that somebody else has made.
        const ATTEMPTS: usize = 16;
        let Inner { users, .. } = &*self.inner;
        for _ in 0..ATTEMPTS {
            let current = users.credentials_of(id).await?.ok_or(AuthFailure::InvalidToken)?;
            let revision = current.revision;
            let Change { account, password, links, spends, voids, ends, events } = change(current)?;
            let update = AccountUpdate { account, revision, password, links, spends, voids, ends };
            let events: Vec<Event> = events.into_iter().map(|payload| self.event(payload)).collect();
            let revoked = |session_id| self.session_revoked(id, session_id);
            if users.update_account(&update, &events, &revoked).await? {
                return Ok(update.account);
            }
            if let Some(hash) = spends
                && users.mail_token(hash).await?.is_none()
            {
                return Err(super::mail_tokens::invalid());
            }
        }
        Err(Error::Busy { retry_after: Duration::from_secs(1) })
    }

    /// This happened just now.
    pub(super) fn event(&self, payload: EventPayload) -> Event {
        self.inner.context.event(payload)
    }

    pub(super) fn session_revoked(&self, account_id: AccountId, session_id: SessionId) -> Event {
        self.event(EventPayload::SessionRevoked(SessionRevoked { account_id, session_id }))
    }
}

/// What others may know of the account now.
pub(super) fn account_updated(account: &Account) -> EventPayload {
    EventPayload::AccountUpdated(AccountUpdated {
        account_id: account.id,
        email: account.email.clone(),
        email_verified: account.email_verified,
        first_name: account.first_name.clone(),
        artist_id: account.artist.as_ref().map(|artist| artist.id),
        artist_name: account.artist.as_ref().map(|artist| artist.name.clone()),
    })
}
