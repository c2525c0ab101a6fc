use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::{Accounts, Inner, SignedIn};
use crate::Error;
use crate::error::AuthFailure;
use crate::model::{Account, ClientNetwork, Credentials, Email, Password, PasswordHash, Role, UserAgent};

/// What somebody logs in with: unchecked, for whatever is wrong with it is the same failure.
#[derive(Clone)]
pub struct LogIn {
    /// E-mail as typed.
    pub email: String,
    /// Password as typed.
    pub password: String,
    /// Which door they came through.
    pub role: Role,
    /// The program they use.
    pub user_agent: Option<UserAgent>,
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
    /// role alike, after the same time; [`Error::Busy`] when too many passwords are being hashed, or
    /// after too many failures.
    pub async fn log_in(&self, request: LogIn) -> Result<SignedIn, Error> {
        let attempt = self.admit(&request.email, request.from).await?;
        let began = self.inner.context.now();
        let outcome = self.check_log_in(request).await;
        match outcome {
            Ok(_) => self.succeeded(&attempt).await?,
            Err(Error::Unauthenticated(_)) => self.hold_back(began).await,
            Err(_) => self.not_made(&attempt).await,
        }
        outcome
    }

    async fn check_log_in(&self, request: LogIn) -> Result<SignedIn, Error> {
        /// Each is a change of the account that somebody else made meanwhile.
        const ATTEMPTS: usize = 8;
        let refused = || Error::from(AuthFailure::InvalidCredentials);
        let password = Password::given(&request.password).map_err(|_| refused())?;
        let mut verified: Option<PasswordHash> = None;
        for _ in 0..ATTEMPTS {
            let known = self.known_as(&request.email).await?;
            let hash = known.as_ref().and_then(|known| known.password_hash.clone());
            if verified.is_none() || verified != hash {
                if !self.inner.passwords.verify(password.clone(), hash.clone()).await? {
                    return Err(refused());
                }
                verified = hash;
            }
            let known = known.filter(|known| known.account.role() == request.role).ok_or_else(refused)?;
            let (session, token) = self.begin_session(&known.account, request.user_agent.clone()).await?;
            if self.inner.users.create_session(&session, known.revision).await? {
                self.keep_hash_strong(&known.account, verified.as_ref(), password).await;
                return self.signed_in(known.account, session.id, &token).await;
            }
        }
        Err(Error::Busy { retry_after: Duration::from_secs(1) })
    }

    /// Waits until the time that has passed tells nothing of what was compared.
    async fn hold_back(&self, began: Timestamp) {
        let Inner { context, config, .. } = &*self.inner;
        let elapsed = context.now().duration_since(began).try_into().unwrap_or(Duration::ZERO);
        let wait = until_next(elapsed, config.refusal_time);
        if !wait.is_zero() {
            context.clock.sleep(wait).await;
        }
    }

    async fn known_as(&self, email: &str) -> Result<Option<Credentials>, Error> {
        match Email::parse(email) {
            Ok(email) => Ok(self.inner.users.credentials(&email).await?),
            Err(_) => Ok(None),
        }
    }

    /// Replaces a hash that was made elsewhere, or by weaker rules, now that the password is known.
    /// If that fails, the next log-in tries again.
    async fn keep_hash_strong(&self, account: &Account, hash: Option<&PasswordHash>, password: Password) {
        let Some(from) = hash.filter(|hash| self.inner.passwords.is_outdated(hash)) else { return };
        let replaced = match self.inner.passwords.hash(password).await {
            Ok(to) => {
                self.inner.users.replace_password_hash(account.id, from, &to).await.map_err(Error::from)
            }
            Err(error) => Err(error),
        };
        match replaced {
            Ok(_) => tracing::info!(account = %account.id, "replaced an outdated password hash"),
            Err(error) => tracing::warn!(%error, account = %account.id, "an outdated password hash stays"),
        }
    }
}

/// How long it is from here to the next whole multiple of the step, the first at the earliest.
fn until_next(elapsed: Duration, step: Duration) -> Duration {
    let (elapsed, step) = (elapsed.as_micros(), step.as_micros());
    if step == 0 {
        return Duration::ZERO;
    }
    let wait = (elapsed.div_ceil(step).max(1) * step).saturating_sub(elapsed);
    Duration::from_micros(u64::try_from(wait).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_fall_on_multiples() {
        let ms = Duration::from_millis;
        for (elapsed, wait) in [(0, 250), (1, 249), (80, 170), (250, 0), (251, 249), (600, 150)] {
            assert_eq!(until_next(ms(elapsed), ms(250)), ms(wait), "{elapsed}");
        }
        assert_eq!(until_next(ms(80), Duration::ZERO), Duration::ZERO);
    }
}
