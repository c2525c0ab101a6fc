use std::time::Duration;

use super::update::account_updated;
use super::{Accounts, SignedIn};
use crate::Error;
use crate::model::account::ArtistProfile;
use crate::model::event::AccountCreated;
use crate::model::{
    Account, ArtistName, Email, Event, EventPayload, MailTokenPurpose, NewAccount, Password, PersonName,
    UserAgent, later,
};
use crate::port::UserStoreError;

/// What somebody signs up with.
#[derive(Clone, Debug)]
pub struct SignUp {
    /// Unique among all accounts.
    pub email: Email,
    /// Checked by [`Accounts::new_password`].
    pub password: Password,
    /// First name.
    pub first_name: PersonName,
    /// Last name.
    pub last_name: PersonName,
    /// Given by artists only: it makes the account an artist's.
    pub artist_name: Option<ArtistName>,
    /// The program they use.
    pub user_agent: Option<UserAgent>,
}

impl Accounts {
    /// Makes an account and signs its owner in. The welcome mail and the one that proves the mailbox
    /// follow from events that are stored in the same step; no mail server is asked here.
    ///
    /// # Errors
    /// `email_taken`; [`Error::Busy`] when too many passwords are being hashed.
    pub async fn sign_up(&self, request: SignUp) -> Result<SignedIn, Error> {
        let users = &self.inner.users;
        // Spares the hash; the store decides when two come at once.
        if users.credentials(&request.email).await?.is_some() {
            return Err(UserStoreError::EmailTaken.into());
        }
        let password_hash = Some(self.inner.passwords.hash(request.password.clone()).await?);
        let user_agent = request.user_agent.clone();
        let account = self.account_from(request);
        let (session, refresh_token) = self.begin_session(&account, user_agent).await?;
        let (token, verification) = self.mail_token(&account, MailTokenPurpose::VerifyEmail);
        let events = [self.account_created(&account), self.event(verification)];
        let new = NewAccount { account, password_hash, verification: Some(token), identity: None };
        users.create_account(&new, &session, &events).await?;
        self.signed_in(new.account, session.id, &refresh_token).await
    }

    fn account_from(&self, request: SignUp) -> Account {
        let context = &self.inner.context;
        let artist = request.artist_name.map(|name| ArtistProfile { id: context.new_id(), name });
        Account {
            id: context.new_id(),
            email: request.email,
            email_verified: false,
            first_name: request.first_name,
            last_name: request.last_name,
            artist,
            created_at: context.now(),
        }
    }

    pub(super) fn account_created(&self, account: &Account) -> Event {
        let payload = EventPayload::AccountCreated(AccountCreated {
            account_id: account.id,
            email: account.email.clone(),
            first_name: account.first_name.clone(),
            role: account.role(),
            artist_id: account.artist.as_ref().map(|artist| artist.id),
            artist_name: account.artist.as_ref().map(|artist| artist.name.clone()),
        });
        self.inner.context.event(payload)
    }

    /// Tells that the mailbox of a new account is proved: a moment later than that there is one, for what
    /// is newer wins.
    pub(super) fn proved(&self, account: &Account) -> Event {
        let event = self.event(account_updated(account));
        Event { occurred_at: later(event.occurred_at, Duration::from_micros(1)), ..event }
    }
}
