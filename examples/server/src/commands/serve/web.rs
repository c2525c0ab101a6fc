//! What is served.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use moodify_core::{Moodify, Services};
use moodify_http::{
    CookieSessions, HttpConfig,
    sync::{self, SyncConfig, SyncHandle},
};
use url::Url;

use super::metrics::{Page, Place, place};
use crate::{assemble::Parts, cli::Role, config::Settings, health};

/// What a process serves.
pub(super) struct Web {
    /// The routes of its services.
    pub(super) router: Router,
    /// The sockets, if sync is among them.
    pub(super) sockets: Option<SyncHandle>,
    /// Metrics and health, if they are to be served at another address.
    pub(super) apart: Option<(SocketAddr, Router)>,
}

/// What these services serve.
pub(super) fn web(
    moodify: &Moodify,
    parts: &Parts,
    role: Role,
    settings: &Settings,
    (bound, public_url): (SocketAddr, Url),
) -> Web {
    let services = role.services();
    let (layer, sockets) = if services.sync {
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
        allowed_origins: settings.http.allowed_origins(),
        pages: settings.google.pages(),
        trusted_proxies: settings.http.trusted_proxies,
        checks: health::checks(parts, moodify),
        trust_traceparent: settings.telemetry.trust_traceparent,
        ..HttpConfig::new(public_url.clone())
    };
    let page = Page::new(moodify, parts, services, sockets.clone());
    let (metrics, apart) = match place(settings, bound, &public_url, page) {
        Place::WithTheApi(metrics) => (Some(metrics), None),
        Place::Apart(address, metrics) => {
            let none = Services { auth: false, music: false, notification: false, sync: false };
            let config = HttpConfig { services: none, metrics: Some(metrics), ..config.clone() };
            (None, Some((address, moodify_http::router(moodify, config))))
        }
        Place::Nowhere => {
            tracing::info!("/metrics is not shown: set metrics.listen or metrics.token");
            (None, None)
        }
    };
    let config = HttpConfig { metrics, sockets: layer, ..config };
    Web { router: moodify_http::router(moodify, config), sockets, apart }
}
