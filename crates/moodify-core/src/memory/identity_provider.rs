use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::SystemRng;
use crate::port::{
    Authorization, IdentityError, IdentityProvider, PendingSignIn, Rng, Unavailable, VerifiedIdentity,
};

/// An identity provider that vouches for whomever it is told to: for tests and demonstrations. Each code
/// is good once.
pub struct MemoryIdentityProvider {
    rng: Arc<dyn Rng>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    people: HashMap<String, VerifiedIdentity>,
    is_down: bool,
}

impl MemoryIdentityProvider {
    /// One that knows nobody yet.
    pub fn new() -> Self {
        Self { rng: Arc::new(SystemRng), state: Mutex::default() }
    }

    /// From now on this code is good, once, for this person.
    pub fn give(&self, code: impl Into<String>, person: VerifiedIdentity) {
        self.state().people.insert(code.into(), person);
    }

    /// Whether it answers from now on.
    pub fn set_down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn secret(&self) -> SecretString {
        let mut bytes = [0; 32];
        self.rng.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes).into()
    }

    fn answers(&self) -> Result<(), IdentityError> {
        if self.state().is_down {
            return Err(Unavailable::passing("the identity provider was told to be down").into());
        }
        Ok(())
    }
}

impl Default for MemoryIdentityProvider {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl IdentityProvider for MemoryIdentityProvider {
    async fn begin(&self, redirect_uri: &Url) -> Result<Authorization, IdentityError> {
        self.answers()?;
        let pending =
            PendingSignIn { state: self.secret(), nonce: self.secret(), pkce_verifier: self.secret() };
        let mut url = Url::parse("https://issuer.test/authorize").map_err(Unavailable::lasting)?;
        url.query_pairs_mut()
            .append_pair("state", pending.state.expose_secret())
            .append_pair("redirect_uri", redirect_uri.as_str());
        Ok(Authorization { url, pending })
    }

    async fn finish(
        &self,
        _: &PendingSignIn,
        _: &Url,
        code: &str,
        _: Option<&str>,
    ) -> Result<VerifiedIdentity, IdentityError> {
        self.answers()?;
        let person = self.state().people.remove(code);
        person
            .ok_or_else(|| IdentityError::Refused { reason: "the code is not good, or was used".to_owned() })
    }

    async fn check(&self) -> Result<(), IdentityError> {
        self.answers()
    }
}
