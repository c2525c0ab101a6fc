//! What whoever serves Moodify decides about its HTTP side.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderValue;
use moodify_core::Services;
use moodify_core::port::BoxError;
use secrecy::SecretString;
use url::Url;

use crate::sync::SyncLayer;

/// Largest JSON body that is read, in bytes.
pub const MAX_JSON_BYTES: usize = 64 * 1024;

/// Every decision of the HTTP side.
#[derive(Clone)]
pub struct HttpConfig {
    /// How clients reach this deployment. With `https` browsers are told to insist on it.
    pub public_url: Url,
    /// Whose routes this process serves. Default: all.
    pub services: Services,
    /// The origins whose pages may call the API, such as `https://app.example.com`. Default: none.
    /// Signed media URLs work from every page: who holds one may use it.
    pub allowed_origins: Vec<Origin>,
    /// Where the pages are that browsers return to from an identity provider. Default: where the API is.
    pub pages: Option<Origin>,
    /// How many proxies stand in front, each appending to `X-Forwarded-For` whom it was connected
    /// from. Limits tell clients apart by that. Default 0: the header is not believed.
    pub trusted_proxies: usize,
    /// What `/health/ready` asks, in this order.
    pub checks: Vec<Arc<dyn HealthCheck>>,
    /// The Socket.IO endpoint, made by [`crate::sync::layer`]; pages of the allowed origins reach it
    /// like every other route. Default: none.
    pub sockets: Option<SyncLayer>,
    /// What `/metrics` shows, and to whom. Default: there is no such page.
    pub metrics: Option<Metrics>,
    /// Whether a `traceparent` of a request is believed: only where every request comes through a
    /// gateway that sets it or takes it out, for whoever sets it decides what is recorded. Default: no.
    pub trust_traceparent: bool,
    /// How long requests and their bodies may take.
    pub limits: Limits,
}

impl HttpConfig {
    /// The defaults for a deployment that is reached at this address.
    pub fn new(public_url: Url) -> Self {
        Self {
            public_url,
            services: Services::ALL,
            allowed_origins: Vec::new(),
            pages: None,
            trusted_proxies: 0,
            checks: Vec::new(),
            sockets: None,
            metrics: None,
            trust_traceparent: false,
            limits: Limits::default(),
        }
    }
}

impl fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checks: Vec<&str> = self.checks.iter().map(|check| check.name()).collect();
        f.debug_struct("HttpConfig")
            .field("public_url", &self.public_url.as_str())
            .field("services", &self.services)
            .field("allowed_origins", &self.allowed_origins)
            .field("pages", &self.pages)
            .field("trusted_proxies", &self.trusted_proxies)
            .field("checks", &checks)
            .field("sockets", &self.sockets.is_some())
            .field("metrics", &self.metrics.is_some())
            .field("trust_traceparent", &self.trust_traceparent)
            .field("limits", &self.limits)
            .finish()
    }
}

/// How long requests and their bodies may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the head of a request to the head of its answer. Default 30 s.
    pub request: Duration,
    /// The same for uploads. Default 15 min: 100 MB at 1 Mbit/s.
    pub upload: Duration,
    /// How long a JSON body may take to come, and the longest pause in the body of an upload.
    /// Default 15 s.
    pub body: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(30),
            upload: Duration::from_secs(15 * 60),
            body: Duration::from_secs(15),
        }
    }
}

/// An origin (RFC 6454) that a browser may name: scheme, host and port, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl Origin {
    /// Reads an origin such as `https://app.example.com` or `http://localhost:5173`.
    ///
    /// # Errors
    /// The text is no http or https origin, or has a path, query or credentials.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = || InvalidOrigin(text.to_owned());
        let url = Url::parse(text).map_err(|_| invalid())?;
        let origin = url.origin().ascii_serialization();
        // Comparing with the canonical form refuses paths, `*` and everything else that a browser
        // never sends as an origin.
        if !matches!(url.scheme(), "http" | "https") || text.trim_end_matches('/') != origin {
            return Err(invalid());
        }
        HeaderValue::from_str(&origin).map(Self).map_err(|_| invalid())
    }

    /// As a browser sends it.
    pub fn as_str(&self) -> &str {
        // It was made of a text.
        self.0.to_str().unwrap_or_default()
    }

    pub(crate) fn as_header(&self) -> &HeaderValue {
        &self.0
    }
}

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no origin: write scheme, host and port only, such as https://app.example.com")]
pub struct InvalidOrigin(String);

/// Something the service depends on.
#[async_trait]
pub trait HealthCheck: Send + Sync {
    /// What it is called in `/health/ready`: `database`, `media`, …
    fn name(&self) -> &'static str;

    /// Whether requests are better sent elsewhere while it is down. Not so what works behind them: a
    /// mail waits, and the sign-up that it greets does not.
    fn is_vital(&self) -> bool {
        true
    }

    /// Tries it with a real round trip. The error is logged and never shown.
    async fn check(&self) -> Result<(), BoxError>;
}

/// The page for Prometheus.
#[derive(Clone)]
pub struct Metrics {
    /// What stands on it.
    pub page: Arc<dyn MetricsPage>,
    /// The bearer token that it takes to read it; without one everybody may who reaches the server.
    pub token: Option<SecretString>,
}

/// Something that knows how everything is.
#[async_trait]
pub trait MetricsPage: Send + Sync {
    /// All there is to know right now, in Prometheus' text format, version 0.0.4. What cannot be found
    /// out is left out.
    async fn render(&self) -> String;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_exact() {
        for good in ["https://app.example.com", "http://localhost:5173", "https://app.example.com/"] {
            assert!(Origin::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "*",
            "null",
            "example.com",
            "https://a.b/path",
            "https://u:p@a.b",
            "ftp://a.b",
            "https://*.a.b?x",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }
}
