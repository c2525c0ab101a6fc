//! Whose signature stands on requests and URLs, and for how long.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_credential_types::provider::{self, error::CredentialsError, future};
use aws_sdk_s3::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};
use jiff::{SignedDuration, Timestamp};
use moodify_core::port::Clock;

use super::error::words;

/// How long their source may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Their source is asked no more often than this as long as those at hand work: some sources have new
/// ones only shortly before the old ones end.
const PAUSE: SignedDuration = SignedDuration::from_secs(30);

/// What is left of them must be enough for a request.
const ENOUGH: Duration = Duration::from_secs(60);

/// Keeps credentials, and asks for new ones in good time. Requests and URLs are signed with what it has
/// at that moment, so whoever knows their end knows that of the URL.
#[derive(Clone)]
pub(super) struct Purse(Arc<Inner>);

struct Inner {
    source: SharedCredentialsProvider,
    clock: Arc<dyn Clock>,
    held: Mutex<Option<Held>>,
    /// Whoever has it is asking.
    turn: tokio::sync::Mutex<()>,
}

/// Credentials that work now.
#[derive(Clone)]
pub(super) struct Held {
    credentials: Credentials,
    /// `None`: never.
    pub(super) ends_at: Option<Timestamp>,
    asked_at: Timestamp,
}

impl Held {
    fn last(&self, now: Timestamp, time: Duration) -> bool {
        let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        self.ends_at.is_none_or(|end| end.duration_since(now) > time)
    }

    /// Good for as long as is wished, or the best there is.
    fn will_do(&self, now: Timestamp, wished: Duration) -> bool {
        let asked_just_now = self.asked_at <= now && now.duration_since(self.asked_at) < PAUSE;
        self.last(now, wished) || (asked_just_now && self.last(now, Duration::ZERO))
    }
}

impl Purse {
    pub(super) fn new(source: SharedCredentialsProvider, clock: Arc<dyn Clock>) -> Self {
        let (held, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        Self(Arc::new(Inner { source, clock, held, turn }))
    }

    /// Credentials that last for as long as is wished, if their source has such; the best there are
    /// otherwise.
    pub(super) async fn open(&self, wished: Duration) -> Result<Held, CredentialsError> {
        if let Some(held) = self.held(wished) {
            return Ok(held);
        }
        let _turn = match (self.0.turn.try_lock(), self.held(Duration::ZERO)) {
            (Ok(turn), _) => turn,
            // Somebody is asking: what works goes on working meanwhile.
            (Err(_), Some(held)) => return Ok(held),
            (Err(_), None) => self.0.turn.lock().await,
        };
        match self.held(wished) {
            Some(held) => Ok(held),
            None => self.renew().await,
        }
    }

    async fn renew(&self) -> Result<Held, CredentialsError> {
        let asked_at = self.0.clock.now();
        match (self.ask(asked_at).await, self.held(Duration::ZERO)) {
            (Ok(new), _) => Ok(self.keep(new)),
            (Err(error), None) => Err(error),
            (Err(error), Some(old)) => {
                let error = words(&error);
                tracing::warn!(error, ends_at = ?old.ends_at, "no new credentials for S3; the old ones still work");
                Ok(self.keep(Held { asked_at, ..old }))
            }
        }
    }

    async fn ask(&self, now: Timestamp) -> Result<Held, CredentialsError> {
        let asked = tokio::time::timeout(PATIENCE, self.0.source.provide_credentials()).await;
        let credentials = asked.map_err(|_| CredentialsError::provider_timed_out(PATIENCE))??;
        let ends_at = credentials.expiry().map(Timestamp::try_from).transpose();
        let ends_at = ends_at.map_err(CredentialsError::unhandled)?;
        let new = Held { credentials, ends_at, asked_at: now };
        let ended = || CredentialsError::provider_error("they have ended already");
        if new.last(now, Duration::ZERO) { Ok(new) } else { Err(ended()) }
    }

    /// Those at hand, if they will do.
    fn held(&self, wished: Duration) -> Option<Held> {
        let held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        held.filter(|held| held.will_do(self.0.clock.now(), wished))
    }

    fn keep(&self, held: Held) -> Held {
        *self.0.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held.clone());
        held
    }
}

impl ProvideCredentials for Purse {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let open = async { Ok(self.open(ENOUGH).await?.credentials) as provider::Result };
        future::ProvideCredentials::new(open)
    }
}

impl fmt::Debug for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Purse")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::SystemTime;

    use moodify_core::memory::FixedClock;

    use super::*;

    /// Gives credentials that end this many seconds after 1970; none for 0.
    #[derive(Clone, Debug, Default)]
    struct Source {
        ends: Arc<AtomicU64>,
        asked: Arc<AtomicU64>,
    }

    impl ProvideCredentials for Source {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let ends = self.ends.load(Ordering::Relaxed);
            let end = SystemTime::UNIX_EPOCH + Duration::from_secs(ends);
            future::ProvideCredentials::ready(match ends {
                0 => Err(CredentialsError::provider_error("it is out of order")),
                _ => Ok(Credentials::new("key", "secret", Some("token".to_owned()), Some(end), "test")),
            })
        }
    }

    fn purse() -> (Purse, Source, Arc<FixedClock>) {
        let (source, clock) = (Source::default(), Arc::new(FixedClock::default()));
        (Purse::new(SharedCredentialsProvider::new(source.clone()), clock.clone()), source, clock)
    }

    fn ends_in(clock: &FixedClock, seconds: u64) -> u64 {
        u64::try_from(clock.now().as_second()).unwrap() + seconds
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn those_that_last_are_kept_and_those_that_do_not_are_renewed() {
        let (purse, source, clock) = purse();
        source.ends.store(ends_in(&clock, 2 * 3600), Ordering::Relaxed);
        for _ in 0..5 {
            purse.open(HOUR).await.unwrap();
        }
        assert_eq!(source.asked.load(Ordering::Relaxed), 1);
        clock.advance(HOUR + Duration::from_secs(1));
        let renewed = ends_in(&clock, 6 * 3600);
        source.ends.store(renewed, Ordering::Relaxed);
        // Enough for a request, too little for such a URL.
        assert_ne!(purse.open(ENOUGH).await.unwrap().ends_at.unwrap().as_second() as u64, renewed);
        assert_eq!(purse.open(HOUR).await.unwrap().ends_at.unwrap().as_second() as u64, renewed);
        assert_eq!(source.asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_source_without_better_ones_is_left_alone_for_a_while() {
        let (purse, source, clock) = purse();
        source.ends.store(ends_in(&clock, 600), Ordering::Relaxed);
        for _ in 0..5 {
            purse.open(HOUR).await.unwrap();
        }
        assert_eq!(source.asked.load(Ordering::Relaxed), 1);
        clock.advance(Duration::from_secs(31));
        purse.open(HOUR).await.unwrap();
        assert_eq!(source.asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_source_that_fails_is_survived_until_the_old_ones_end() {
        let (purse, source, clock) = purse();
        let end = ends_in(&clock, 300);
        source.ends.store(end, Ordering::Relaxed);
        purse.open(HOUR).await.unwrap();
        source.ends.store(0, Ordering::Relaxed);
        clock.advance(Duration::from_secs(240));
        assert_eq!(purse.open(HOUR).await.unwrap().ends_at.unwrap().as_second() as u64, end);
        clock.advance(Duration::from_secs(60));
        assert!(purse.open(HOUR).await.is_err());
        // Nor does it take some that have ended for new ones.
        source.ends.store(end, Ordering::Relaxed);
        assert!(purse.open(HOUR).await.is_err());
        source.ends.store(ends_in(&clock, 3600), Ordering::Relaxed);
        purse.open(HOUR).await.unwrap();
    }
}
