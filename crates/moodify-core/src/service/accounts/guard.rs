//! What stands between a guesser and a password. Unknown e-mail addresses are counted like known
//! ones, in the same steps, so that nobody learns here which is which. `docs/adr/0009` says why
//! nobody is locked out for ever.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use super::{Accounts, Inner};
use crate::Error;
use crate::model::{ClientNetwork, Email, KeyPurpose, LogInSubject, LogInTally, StoredKey, TallyRule, later};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// How long the password of a blocked account waits for the next try by a stranger.
const BLOCK: Duration = Duration::from_secs(15 * 60);
/// After so long without a failure, all of them are forgotten.
const QUIET: Duration = HOUR.saturating_mul(24);
/// How long somebody is known at a network where they signed in.
const KNOWN: Duration = HOUR.saturating_mul(24 * 90);

/// A log-in that may be tried, counted as failed until it succeeds.
pub(super) struct Attempt {
    /// All who try this account from networks that it does not know.
    strangers: LogInSubject,
    /// Who tries it from this network.
    here: LogInSubject,
    /// Which of the two this attempt was counted under; `None` when nothing is counted.
    counted: Option<LogInSubject>,
}

impl Accounts {
    /// Counts an attempt before it is made: of a thousand at once no more are made than allowed.
    ///
    /// # Errors
    /// [`Error::Busy`] if there were too many before.
    pub(super) async fn admit(&self, email: &str, from: Option<ClientNetwork>) -> Result<Attempt, Error> {
        let place = from.map_or_else(String::new, |from| from.to_string());
        let (strangers, here) = self.subjects(email, &place).await?;
        let is_known = self.is_known(here).await?;
        self.count(Attempt { strangers, here, counted: Some(if is_known { here } else { strangers }) }).await
    }

    /// The same for somebody who is signed in already: strangers neither help nor hinder them.
    ///
    /// # Errors
    /// [`Error::Busy`] if there were too many before.
    pub(super) async fn admit_signed_in(&self, email: &Email) -> Result<Attempt, Error> {
        let (strangers, here) = self.subjects(email.as_str(), "signed in").await?;
        self.count(Attempt { strangers, here, counted: Some(here) }).await
    }

    async fn count(&self, attempt: Attempt) -> Result<Attempt, Error> {
        let Inner { limits, users, context, .. } = &*self.inner;
        limits.log_in(attempt.here)?;
        let max_failures = limits.config().login_failures_in_a_row;
        let Some(counted) = attempt.counted.filter(|_| max_failures > 0) else {
            return Ok(Attempt { counted: None, ..attempt });
        };
        let now = context.now();
        let rule =
            TallyRule { now, max_failures, blocked_until: later(now, BLOCK), expires_at: later(now, QUIET) };
        if users.count_log_in(counted, &rule).await? {
            return Ok(attempt);
        }
        // Nothing was tried here: only tries count.
        limits.give_back_log_in(attempt.here);
        let tally = users.log_in_tally(counted).await?;
        let wait = tally.map(|tally| tally.blocked_until.duration_since(now));
        let retry_after = wait.and_then(|wait| Duration::try_from(wait).ok()).unwrap_or_default();
        tracing::warn!("too many failed log-ins to one account: strangers must wait");
        Err(Error::Busy { retry_after })
    }

    /// The attempt was no failure: forgets those before it, and knows this network from now on.
    pub(super) async fn succeeded(&self, attempt: &Attempt) -> Result<(), Error> {
        self.inner.limits.give_back_log_in(attempt.here);
        if attempt.counted.is_none() {
            return Ok(());
        }
        let known = LogInTally {
            failures: 0,
            blocked_until: Timestamp::UNIX_EPOCH,
            expires_at: later(self.inner.context.now(), KNOWN),
        };
        self.inner.users.set_log_in_tally(attempt.here, Some(&known)).await?;
        Ok(self.inner.users.set_log_in_tally(attempt.strangers, None).await?)
    }

    /// The attempt was not made after all: it is no failure, and no success.
    pub(super) async fn not_made(&self, attempt: &Attempt) {
        self.inner.limits.give_back_log_in(attempt.here);
        let Some(counted) = attempt.counted else { return };
        if let Err(error) = self.inner.users.uncount_log_in(counted).await {
            tracing::debug!(%error, "an attempt that was not made stays counted");
        }
    }

    /// Forgets all failures: whoever has just proved to read the mailbox may try again at once.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn unblock(&self, email: &Email) -> Result<(), Error> {
        let (strangers, _) = self.subjects(email.as_str(), "").await?;
        Ok(self.inner.users.set_log_in_tally(strangers, None).await?)
    }

    async fn is_known(&self, here: LogInSubject) -> Result<bool, Error> {
        let tally = self.inner.users.log_in_tally(here).await?;
        let now = self.inner.context.now();
        Ok(tally.is_some_and(|tally| now < tally.expires_at))
    }

    /// The address as the store would have it, if it is one: one account is one subject.
    async fn subjects(&self, email: &str, place: &str) -> Result<(LogInSubject, LogInSubject), Error> {
        let key = self.inner.keys.current(KeyPurpose::LogInTally).await?;
        let email = Email::parse(email).map_or_else(|_| email.to_owned(), String::from);
        Ok((subject(&key, &[&email])?, subject(&key, &[&email, place])?))
    }
}

fn subject(key: &StoredKey, parts: &[&str]) -> Result<LogInSubject, Error> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.expose()).map_err(Error::internal)?;
    for part in parts {
        mac.update(&part.len().to_be_bytes());
        mac.update(part.as_bytes());
    }
    Ok(LogInSubject(mac.finalize().into_bytes().into()))
}
