//! The keys of another process, as one that only verifies uses them;
//! `docs/adr/0019-services-apart.md` says why it behaves so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ed25519_dalek::VerifyingKey;
use jiff::Timestamp;

use super::{Context, KeyRing};
use crate::Error;
use crate::model::KeyId;
use crate::port::{PublishedKeys, Unavailable};

/// How soon the auth service is asked again for the sake of a key that nobody knows, or when it did not
/// answer: anybody can make ids up.
const RETRY: Duration = Duration::from_secs(5);

/// Keeps what the auth service publishes, so that a token whose key is known needs nobody to be verified.
pub struct PublishedKeyRing {
    inner: Arc<Inner>,
}

struct Inner {
    source: Arc<dyn PublishedKeys>,
    context: Context,
    /// How long a token may live.
    token_life: Duration,
    known: Mutex<Known>,
    /// Held by the one who asks; who needs the answer waits for it.
    asking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<KeyId, Key>,
    /// When somebody asked last, and whether there was an answer.
    asked: Option<(Timestamp, bool)>,
}

#[derive(Clone, Copy)]
struct Key {
    verifying: VerifyingKey,
    /// When it was among the published ones for the last time.
    seen: Timestamp,
}

impl PublishedKeyRing {
    /// A ring over this source, for tokens that live so long.
    pub fn new(source: Arc<dyn PublishedKeys>, context: Context, token_life: Duration) -> Self {
        let (known, asking) = (Mutex::default(), Arc::default());
        Self { inner: Arc::new(Inner { source, context, token_life, known, asking }) }
    }

    /// The key with this id; `None` when none is published. A known one is returned at once: that it is asked for
    /// anew happens in the background. For one that is not known the auth service is asked, but only every few
    /// seconds.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the key is not known and the auth service does not answer: it may be a good one.
    pub async fn by_id(&self, id: KeyId) -> Result<Option<VerifyingKey>, Error> {
        let inner = &self.inner;
        if let Some(key) = inner.key(id) {
            inner.refresh_in_background();
            return Ok(Some(key));
        }
        let _turn = inner.asking.lock().await;
        // Whoever had the turn before may have brought it.
        if let Some(key) = inner.key(id) {
            return Ok(Some(key));
        }
        match inner.asked_within(RETRY) {
            None => inner.refresh().await?,
            Some(true) => {}
            Some(false) => return Err(silent()),
        }
        Ok(inner.key(id))
    }

    /// Whether a key is known, or the auth service tells one now.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if not.
    pub async fn check(&self) -> Result<(), Error> {
        let inner = &self.inner;
        if inner.has_keys() {
            inner.refresh_in_background();
            return Ok(());
        }
        let _turn = inner.asking.lock().await;
        if inner.asked_within(RETRY).is_none() {
            inner.refresh().await?;
        }
        if inner.has_keys() { Ok(()) } else { Err(silent()) }
    }
}

impl Inner {
    fn key(&self, id: KeyId) -> Option<VerifyingKey> {
        self.known().keys.get(&id).map(|key| key.verifying)
    }

    fn has_keys(&self) -> bool {
        !self.known().keys.is_empty()
    }

    /// Whether the keys are old enough to ask for them anew.
    fn is_due(&self) -> bool {
        match self.asked_within(KeyRing::PUBLISHED_TTL) {
            Some(true) => false,
            Some(false) => self.asked_within(RETRY).is_none(),
            None => true,
        }
    }

    /// Whether there was an answer, if somebody asked within this time.
    fn asked_within(&self, time: Duration) -> Option<bool> {
        let (asked, answered) = self.known().asked?;
        // Without sign: after a clock that ran ahead was set back, nothing is from the future.
        let since = self.context.now().duration_since(asked).unsigned_abs();
        (since < time).then_some(answered)
    }

    /// When it is time, and one at a time; who has a key that works does not wait for it.
    fn refresh_in_background(self: &Arc<Self>) {
        if !self.is_due() {
            return;
        }
        let Ok(turn) = self.asking.clone().try_lock_owned() else { return };
        let inner = self.clone();
        tokio::spawn(async move {
            // What goes wrong is in the log, and the known keys stay.
            let _ = inner.refresh().await;
            drop(turn);
        });
    }

    /// For who has the turn.
    async fn refresh(&self) -> Result<(), Error> {
        let asked = self.context.now();
        let fetched = self.source.fetch().await;
        let mut known = self.known();
        // The wait for an answer that never came does not count: the next one may not follow at once.
        known.asked = Some((self.context.now(), fetched.is_ok()));
        let published = fetched.inspect_err(|error| {
            tracing::warn!(%error, known = known.keys.len(), "the auth service does not tell its keys; the known ones stay in use");
        })?;
        for key in published {
            // What is no point of the curve verifies nothing.
            let Ok(verifying) = VerifyingKey::from_bytes(&key.public) else { continue };
            if known.keys.insert(key.id, Key { verifying, seen: asked }).is_none() {
                tracing::info!(key = %key.id, "learned a key of the auth service");
            }
        }
        // Longer than anything lives that it has signed.
        let life = self.token_life;
        known.keys.retain(|_, key| asked.duration_since(key.seen).unsigned_abs() <= life);
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn silent() -> Error {
    Unavailable::passing("the auth service has told no key that fits").into()
}
