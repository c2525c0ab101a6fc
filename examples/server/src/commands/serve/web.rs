//! What is served.

use std::sync::Arc;

use axum::Router;
use futures::{FutureExt, future::BoxFuture};
use moodify_core::{Error, Moodify, model::Caller, service::Accounts};
use moodify_http::{
    HttpConfig, Services,
    sync::{self, Authenticator, SyncConfig, SyncHandle},
};
use url::Url;

use crate::{assemble::Parts, cli::Role, config::Settings, health};

/// The routes of these services, and the sockets if sync is among them.
pub(super) fn router(
    moodify: &Moodify,
    parts: &Parts,
    role: Role,
    settings: &Settings,
    public_url: Url,
) -> (Router, Option<SyncHandle>) {
    let services = role.services();
    let config = HttpConfig {
        services: Services {
            auth: services.auth,
            music: services.music,
            notification: services.notification,
            sync: services.sync,
        },
        allowed_origins: settings.http.allowed_origins(),
        checks: health::checks(parts, services),
        ..HttpConfig::new(public_url)
    };
    let router = moodify_http::router(moodify, config);
    if !services.sync {
        return (router, None);
    }
    let tokens = Arc::new(Tokens(moodify.accounts().clone()));
    let (layer, handle) = sync::layer(moodify.playback().clone(), tokens, &SyncConfig::default());
    (router.layer(layer), Some(handle))
}

struct Tokens(Accounts);

impl Authenticator for Tokens {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, Error>> {
        self.0.authenticate(token).boxed()
    }
}
