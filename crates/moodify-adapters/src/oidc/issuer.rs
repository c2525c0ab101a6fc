//! What an issuer says of itself, and the keys that it signs with.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use moodify_core::model::{Timestamp, later};
use moodify_core::port::{Clock, Unavailable};
use openidconnect::core::{CoreJsonWebKeySet, CoreProviderMetadata};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, IssuerUrl};
use url::Url;

use super::error;
use crate::web::Client;

/// How long what is known is used without asking again.
const LIFE: Duration = Duration::from_secs(60 * 60);
/// How soon an issuer that did not answer is asked again.
const PAUSE: Duration = Duration::from_secs(2);
/// How soon, if there is something to go on with.
const RETRY: Duration = Duration::from_secs(60);
/// How often the keys are fetched in a row for the sake of a key that nobody knows, …
const MAX_REFETCHES: u32 = 5;
/// … and how long one more takes to be allowed.
const REFETCH_AFTER: Duration = Duration::from_secs(30);

/// An issuer, asked as seldom as possible.
pub(super) struct Issuer {
    url: IssuerUrl,
    web: Client,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
    /// Held by the one who asks; the others wait for the answer.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    known: Option<(Arc<CoreProviderMetadata>, Timestamp)>,
    /// The last failure, and until when it is told again.
    failed: Option<(String, bool, Timestamp)>,
    /// When none of the fetches for unknown keys counts any more.
    refetched_until: Timestamp,
}

impl Issuer {
    pub(super) fn new(url: IssuerUrl, web: Client, clock: Arc<dyn Clock>) -> Self {
        Self { url, web, clock, kept: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// What is known of it, keys included.
    ///
    /// # Errors
    /// [`Unavailable`] if nothing is known and it does not tell.
    pub(super) async fn known(&self) -> Result<Arc<CoreProviderMetadata>, Unavailable> {
        if let Some(known) = self.fresh()? {
            return Ok(known);
        }
        let _turn = self.asking.lock().await;
        if let Some(known) = self.fresh()? {
            return Ok(known);
        }
        match (self.discover().await, self.cached()) {
            (Ok(known), _) => Ok(self.keep(known, LIFE)),
            (Err(error), Some(stale)) => {
                tracing::warn!(%error, "the issuer was not asked again; what is known of it stays in use");
                Ok(self.keep(CoreProviderMetadata::clone(&stale), RETRY))
            }
            (Err(error), None) => {
                let until = later(self.clock.now(), PAUSE);
                self.kept().failed = Some((error.source.to_string(), error.retryable, until));
                Err(error)
            }
        }
    }

    /// The same with other keys, for those that are known did not verify a token; `None` if there were
    /// too many such tokens lately.
    ///
    /// # Errors
    /// [`Unavailable`] if it does not tell.
    pub(super) async fn newer_than(
        &self,
        known: &Arc<CoreProviderMetadata>,
    ) -> Result<Option<Arc<CoreProviderMetadata>>, Unavailable> {
        let _turn = self.asking.lock().await;
        match self.cached() {
            Some(current) if !Arc::ptr_eq(&current, known) => return Ok(Some(current)),
            _ if !self.may_refetch() => return Ok(None),
            _ => {}
        }
        tracing::info!(issuer = self.url.as_str(), "fetching the issuer's keys anew: one is not known");
        let keys = CoreJsonWebKeySet::fetch_async(known.jwks_uri(), self).await;
        let keys = keys.map_err(|error| error::discovery(self.url.as_str(), error))?;
        Ok(Some(self.keep(CoreProviderMetadata::clone(known).set_jwks(keys), LIFE)))
    }

    /// A request to the issuer. That it has trouble of its own is no answer.
    ///
    /// # Errors
    /// [`Unavailable::passing`] if there is no answer in time, or it is 5xx or 429.
    pub(super) async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, Unavailable> {
        let place = request.uri().path().to_owned();
        let host = request.uri().authority().map(|all| match all.port() {
            Some(port) => format!("{}:{port}", all.host()),
            None => all.host().to_owned(),
        });
        let host = host.unwrap_or_default();
        let answer = self.web.send(request).await.map_err(|fault| error::no_answer(host, fault))?;
        let status = answer.status();
        if status.is_server_error() || status.as_u16() == 429 {
            return Err(Unavailable::passing(format!("the issuer answered {status} at {place}")));
        }
        Ok(answer)
    }

    async fn discover(&self) -> Result<CoreProviderMetadata, Unavailable> {
        let known = CoreProviderMetadata::discover_async(self.url.clone(), self).await;
        let known = known.map_err(|error| error::discovery(self.url.as_str(), error))?;
        let endpoints = [
            Some(known.authorization_endpoint().url()),
            known.token_endpoint().map(|endpoint| endpoint.url()),
            Some(known.jwks_uri().url()),
            known.userinfo_endpoint().map(|endpoint| endpoint.url()),
        ];
        // Secrets and keys go there.
        let is_readable =
            |endpoint: &&Url| endpoint.scheme() != "https" && self.url.url().scheme() == "https";
        if let Some(endpoint) = endpoints.into_iter().flatten().find(is_readable) {
            let what =
                format!("the issuer {} has a part that is not encrypted: {endpoint}", self.url.as_str());
            return Err(Unavailable::lasting(format!("{what}; take another issuer")));
        }
        Ok(known)
    }

    fn fresh(&self) -> Result<Option<Arc<CoreProviderMetadata>>, Unavailable> {
        let (kept, now) = (self.kept(), self.clock.now());
        match (&kept.known, &kept.failed) {
            // Also after a clock that ran ahead was set back.
            (Some((known, until)), _) if now < *until && *until <= later(now, LIFE) => {
                Ok(Some(known.clone()))
            }
            (None, Some((why, retryable, until))) if now < *until && *until <= later(now, PAUSE) => {
                Err(Unavailable { retryable: *retryable, source: why.clone().into() })
            }
            _ => Ok(None),
        }
    }

    fn cached(&self) -> Option<Arc<CoreProviderMetadata>> {
        self.kept().known.as_ref().map(|(known, _)| known.clone())
    }

    fn keep(&self, known: CoreProviderMetadata, life: Duration) -> Arc<CoreProviderMetadata> {
        let known = Arc::new(known);
        let mut kept = self.kept();
        kept.known = Some((known.clone(), later(self.clock.now(), life)));
        kept.failed = None;
        known
    }

    /// Whether the keys may be fetched for the sake of an unknown one; counts that they are.
    fn may_refetch(&self) -> bool {
        let now = self.clock.now();
        let latest = later(now, REFETCH_AFTER * MAX_REFETCHES);
        let mut kept = self.kept();
        // A clock that was set back makes nobody wait for longer.
        let until = later(kept.refetched_until.clamp(now, latest), REFETCH_AFTER);
        if until <= latest {
            kept.refetched_until = until;
        }
        until <= latest
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the library sends its requests.
impl<'a> AsyncHttpClient<'a> for Issuer {
    type Error = Unavailable;
    type Future = BoxFuture<'a, Result<HttpResponse, Unavailable>>;

    fn call(&'a self, request: HttpRequest) -> Self::Future {
        self.fetch(request).boxed()
    }
}
