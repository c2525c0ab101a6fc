//! Who says who somebody is, where it is not the database.

use std::sync::Arc;

use moodify_adapters::jwks::JwksKeys;
#[cfg(feature = "google")]
use moodify_adapters::oidc::OidcProvider;
#[cfg(feature = "google")]
use moodify_core::port::Unavailable;
use moodify_core::{
    Services,
    port::{IdentityProvider, PublishedKeys},
    service::Context,
};

use super::failures::with_advice;
#[cfg(feature = "google")]
use crate::failure::one_line;
use crate::{config::Settings, failure::Failure};

/// Where the keys come from with which these services verify access tokens; `None` if from their database.
///
/// # Errors
/// If they are in another one, and nobody says where they are published.
pub(crate) fn jwks(
    settings: &Settings,
    services: Services,
) -> Result<Option<Arc<dyn PublishedKeys>>, Failure> {
    if services.auth || !(services.music || services.sync) {
        return Ok(None);
    }
    let Some(url) = settings.accounts.jwks_url() else {
        let own = settings.database(services)?;
        if own == settings.database(Services::AUTH)? {
            return Ok(None);
        }
        return Err(Failure::new(
            format!("accounts.jwks_url is not set, and the keys of access tokens are not in {own}"),
            "set it to the auth service's own address, such as http://auth:8080/.well-known/jwks.json \
             (MOODIFY_ACCOUNTS_JWKS_URL)",
        ));
    };
    match JwksKeys::new(url.clone()) {
        Ok(keys) => Ok(Some(Arc::new(keys))),
        Err(error) => Err(with_advice(&error, "see whether this system has certificate authorities")),
    }
}

/// `[google]`: its issuer is not asked here, so that a start needs nobody's server.
#[cfg(feature = "google")]
pub(crate) fn identity_provider(
    settings: &Settings,
    context: &Context,
) -> Result<Option<Arc<dyn IdentityProvider>>, Failure> {
    let Some(config) = settings.google.config()? else { return Ok(None) };
    let opened = OidcProvider::new(config, context.clock.clone(), context.rng.clone());
    let failed = |error: Unavailable| {
        let fix = "correct google.ca_file, or leave it to the system's authorities";
        Failure::new(format!("[google] cannot be used: {}", one_line(&error)), fix)
    };
    Ok(Some(Arc::new(opened.map_err(failed)?)))
}

/// `[google]`
#[cfg(not(feature = "google"))]
pub(crate) fn identity_provider(
    settings: &Settings,
    _: &Context,
) -> Result<Option<Arc<dyn IdentityProvider>>, Failure> {
    if !settings.google.is_set_up() {
        return Ok(None);
    }
    let what = "google.client_id is set, which needs the feature `google`; this program is built without it";
    Err(Failure::new(what, "build it with that feature, or leave [google] out"))
}
