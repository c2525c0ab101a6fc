//! What is served.

use std::sync::Arc;

use axum::Router;
use moodify_core::Moodify;
use moodify_http::{
    CookieSessions, HttpConfig,
    sync::{self, SyncConfig, SyncHandle},
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
    let (sockets, handle) = if services.sync {
        let accounts = Arc::new(moodify.accounts().clone());
        let cookies = CookieSessions::new(&public_url, &settings.http.allowed_origins());
        let config = SyncConfig { cookies: Some(cookies), ..SyncConfig::default() };
        let (layer, handle) = sync::layer(moodify.playback().clone(), accounts, &config);
        (Some(layer), Some(handle))
    } else {
        (None, None)
    };
    let config = HttpConfig {
        services,
        sockets,
        allowed_origins: settings.http.allowed_origins(),
        trusted_proxies: settings.http.trusted_proxies,
        checks: health::checks(parts, services),
        ..HttpConfig::new(public_url)
    };
    (moodify_http::router(moodify, config), handle)
}
