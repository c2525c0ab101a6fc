use std::fmt;

use super::{Accounts, SignedIn};
use crate::Error;
use crate::error::AuthFailure;
use crate::model::{ClientNetwork, Credentials, Email, Password, Role};

/// What somebody logs in with: unchecked, for whatever is wrong with it is the same failure.
#[derive(Clone)]
pub struct LogIn {
    /// E-mail as typed.
    pub email: String,
    /// Password as typed.
    pub password: String,
    /// Which door they came through.
    pub role: Role,
    /// Where they are, if that is known.
    pub from: Option<ClientNetwork>,
}

impl fmt::Debug for LogIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogIn").field("email", &self.email).field("role", &self.role).finish_non_exhaustive()
    }
}

impl Accounts {
    /// Signs somebody in.
    ///
    /// # Errors
    /// [`AuthFailure::InvalidCredentials`] for a wrong password, an unknown e-mail and a wrong
    /// role alike, after the same work; [`Error::Busy`] when too many passwords are being hashed, or
    /// after too many failures.
    pub async fn log_in(&self, request: LogIn) -> Result<SignedIn, Error> {
        let attempt = self.admit(&request.email, request.from).await?;
        let outcome = self.check_log_in(request).await;
        match outcome {
            Ok(_) => self.succeeded(&attempt).await?,
            Err(Error::Unauthenticated(_)) => {}
            Err(_) => self.not_made(&attempt).await,
        }
        outcome
    }

    async fn check_log_in(&self, request: LogIn) -> Result<SignedIn, Error> {
        let account = match self.verified_credentials(&request).await? {
            Some(known) if known.account.role() == request.role => known.account,
            _ => return Err(AuthFailure::InvalidCredentials.into()),
        };
        let (session, token) = self.begin_session(&account);
        self.inner.users.create_session(&session).await?;
        self.signed_in(account, session.id, &token).await
    }

    async fn verified_credentials(&self, request: &LogIn) -> Result<Option<Credentials>, Error> {
        let known = match Email::parse(&request.email) {
            Ok(email) => self.inner.users.credentials(&email).await?,
            Err(_) => None,
        };
        let Ok(password) = Password::given(&request.password) else { return Ok(None) };
        let hash = known.as_ref().and_then(|known| known.password_hash.clone());
        let right = self.inner.passwords.verify(password, hash).await?;
        Ok(known.filter(|_| right))
    }
}
