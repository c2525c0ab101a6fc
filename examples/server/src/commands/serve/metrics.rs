//! What `/metrics` shows, and to whom.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use moodify_adapters::prometheus::PrometheusMeter;
use moodify_core::{Moodify, Services};
use moodify_http::{Metrics, MetricsPage, sync::SyncHandle};
use url::Url;

use crate::{assemble::Parts, config::Settings};

/// Where the page is.
pub(super) enum Place {
    /// Where the API is.
    WithTheApi(Metrics),
    /// At this address alone.
    Apart(SocketAddr, Metrics),
    /// Nowhere: who could reach it is not known.
    Nowhere,
}

/// Where the page of these services is, for a server that clients reach at this address.
pub(super) fn place(settings: &Settings, bound: SocketAddr, public_url: &Url, page: Page) -> Place {
    let metrics = Metrics { page: Arc::new(page), token: settings.metrics.token() };
    match settings.metrics.listen {
        Some(address) => Place::Apart(address, metrics),
        None if metrics.token.is_some() || is_private(bound, public_url) => Place::WithTheApi(metrics),
        None => Place::Nowhere,
    }
}

/// Whether only this machine reaches the server. Where it listens does not tell alone: a proxy may
/// stand before it.
fn is_private(bound: SocketAddr, public_url: &Url) -> bool {
    let host_is_this_machine = match public_url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    bound.ip().is_loopback() && host_is_this_machine
}

/// How this process is.
pub(super) struct Page {
    moodify: Moodify,
    services: Services,
    meter: Arc<PrometheusMeter>,
    sockets: Option<SyncHandle>,
}

impl Page {
    pub(super) fn new(
        moodify: &Moodify,
        parts: &Parts,
        services: Services,
        sockets: Option<SyncHandle>,
    ) -> Self {
        Self { moodify: moodify.clone(), services, meter: parts.meter.clone(), sockets }
    }
}

#[async_trait]
impl MetricsPage for Page {
    async fn render(&self) -> String {
        /// Prometheus gives up after 10 s by default; a slow database is no reason to know nothing.
        const LIMIT: Duration = Duration::from_secs(2);
        let vitals = match tokio::time::timeout(LIMIT, self.moodify.vitals(self.services)).await {
            Ok(Ok(vitals)) => Some(vitals),
            Ok(Err(error)) => {
                tracing::warn!(%error, "outbox and queue do not tell how they are");
                None
            }
            Err(_) => {
                tracing::warn!("outbox and queue do not tell how they are within {LIMIT:?}");
                None
            }
        };
        let sockets = self.sockets.as_ref().map_or(0, SyncHandle::open);
        let now = self.moodify.context().now();
        let hashing = self.moodify.accounts().hashing();
        self.meter.render(vitals.as_ref(), hashing, sockets, now).unwrap_or_else(|error| {
            tracing::error!(%error, "metrics cannot be written");
            String::new()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::is_private;

    #[test]
    fn only_what_no_one_else_reaches_is_private() {
        for (bound, url, expected) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080/", true),
            ("127.0.0.1:8080", "http://localhost:3000/", true),
            ("[::1]:8080", "http://[::1]:8080/", true),
            ("127.0.0.1:8080", "https://music.example.org/", false),
            ("127.0.0.1:8080", "http://localhost.example.org/", false),
            ("0.0.0.0:8080", "http://127.0.0.1:8080/", false),
            ("10.0.0.7:8080", "http://10.0.0.7:8080/", false),
        ] {
            assert_eq!(is_private(bound.parse().unwrap(), &url.parse().unwrap()), expected, "{bound} {url}");
        }
    }
}
