//! Sign-up, log-in and sessions.

mod access_token;
mod artist;
mod authenticate;
mod become_artist;
mod change_password;
mod delete_account;
mod federated;
mod federated_account;
mod forgot_password;
mod guard;
mod import;
mod log_in;
mod log_out;
mod mail_tokens;
mod new_password;
mod passwords;
mod profile;
mod refresh;
mod refresh_token;
mod remove_expired;
mod reset_password;
mod sessions;
mod sign_up;
mod update;
mod verify_email;
mod verifying_keys;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

pub use access_token::{Jwk, Jwks};
pub use federated::{Callback, FederatedSignIn};
pub use import::Imported;
pub use log_in::LogIn;
pub use profile::ProfileChange;
pub use sessions::SessionList;
pub use sign_up::SignUp;

use self::access_token::AccessTokens;
pub use self::passwords::HashingLoad;
use self::passwords::Passwords;
use self::refresh_token::RefreshToken;
use super::{Context, KeyLives, KeyRing, Limits, PublishedKeyRing};
use crate::Error;
use crate::config::{AccountsConfig, Config};
use crate::model::{AccessClaims, Account, KeyPurpose, Session, SessionId, UserAgent, later};
use crate::port::{IdentityProvider, UserStore};

/// The auth service: who somebody is.
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

struct Inner {
    users: Arc<dyn UserStore>,
    identity_provider: Option<Arc<dyn IdentityProvider>>,
    keys: Arc<KeyRing>,
    context: Context,
    config: AccountsConfig,
    passwords: Passwords,
    tokens: AccessTokens,
    key_lives: KeyLives,
    /// What goes on after the answer, and how much of it may.
    background: TaskTracker,
    recoveries: Arc<Semaphore>,
    limits: Arc<Limits>,
    product_name: String,
}

/// Somebody who has just proved who they are.
pub struct SignedIn {
    /// A JWT for the `Authorization` header.
    pub access_token: String,
    /// How long it works.
    pub expires_in: Duration,
    /// Gets the next access token, once.
    pub refresh_token: SecretString,
    /// Whose they are.
    pub account: Account,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("account", &self.account.id).finish_non_exhaustive()
    }
}

impl Accounts {
    /// The service over these parts. With published keys it verifies access tokens by them, and signs none
    /// that it would take.
    ///
    /// # Errors
    /// [`Error::Internal`] if the password hash cannot be set up.
    pub fn new(
        users: Arc<dyn UserStore>,
        identity_provider: Option<Arc<dyn IdentityProvider>>,
        (keys, published): (Arc<KeyRing>, Option<Arc<PublishedKeyRing>>),
        context: Context,
        limits: Arc<Limits>,
        config: &Config,
    ) -> Result<Self, Error> {
        let tokens = AccessTokens::new((keys.clone(), published), context.clone(), config);
        /// Forgotten passwords that are looked up at a time: each takes a read and a write.
        const RECOVERIES: usize = 64;
        let passwords = Passwords::new(context.clone(), &config.accounts)?;
        let inner = Inner {
            users,
            identity_provider,
            keys,
            context,
            passwords,
            tokens,
            limits,
            key_lives: KeyLives::of(config),
            product_name: config.mail.product_name.clone(),
            config: config.accounts.clone(),
            background: TaskTracker::new(),
            recoveries: Arc::new(Semaphore::new(RECOVERIES)),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// How long a refresh token works unused.
    pub fn refresh_idle_ttl(&self) -> Duration {
        self.inner.config.refresh_idle_ttl
    }

    /// How busy the pool is that hashes passwords.
    pub fn hashing(&self) -> HashingLoad {
        self.inner.passwords.load()
    }

    /// A new session of this account and its first refresh token.
    async fn begin_session(
        &self,
        account: &Account,
        user_agent: Option<UserAgent>,
    ) -> Result<(Session, RefreshToken), Error> {
        let Inner { context, config, keys, .. } = &*self.inner;
        let key = keys.current(KeyPurpose::RefreshToken).await?;
        let now = context.now();
        let id: SessionId = context.new_id();
        let token = RefreshToken::first(id, context.random(), &key)?;
        let session = Session {
            id,
            account_id: account.id,
            key_id: key.id,
            token_hash: token.hash(),
            generation: 0,
            rotated_at: now,
            idle_expires_at: later(now, config.refresh_idle_ttl),
            expires_at: later(now, config.refresh_max_ttl),
            created_at: now,
            user_agent,
        };
        Ok((session, token))
    }

    /// The answer to whoever holds this session's newest refresh token.
    async fn signed_in(
        &self,
        account: Account,
        session: SessionId,
        token: &RefreshToken,
    ) -> Result<SignedIn, Error> {
        let claims: AccessClaims = self.inner.tokens.claims(&account, session);
        let access_token = self.inner.tokens.sign(&claims).await?;
        let expires_in = self.inner.config.access_token_ttl;
        Ok(SignedIn { access_token, expires_in, refresh_token: token.encode(), account })
    }
}

/// What others may know of an account.
fn own_words(account: &Account) -> Vec<&str> {
    let Account { email, first_name, last_name, artist, .. } = account;
    let mut words = vec![email.as_str(), first_name.as_str(), last_name.as_str()];
    words.extend(artist.as_ref().map(|artist| artist.name.as_str()));
    words
}
