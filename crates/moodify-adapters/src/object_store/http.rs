//! The HTTP client that object_store is given: ours, with TLS by ring, instead of one that brings its own.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::TokioExecutor;
use moodify_core::port::Unavailable;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};

use crate::tls::client_config;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// A client that gives up after a while, and follows no redirects. Clones share its connections.
#[derive(Clone)]
pub(super) struct Http {
    inner: legacy::Client<HttpsConnector<TcpConnector>, HttpRequestBody>,
    /// For one request with its body, up to the head of the answer.
    patience: Duration,
}

/// Nothing was answered.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct Silent(Duration);

impl Http {
    /// One that trusts the system's authorities.
    pub(super) fn new(patience: Duration) -> Result<Self, Unavailable> {
        let mut tcp = TcpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        // TLS is above it.
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(client_config(None)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self { inner: legacy::Client::builder(TokioExecutor::new()).build(connector), patience })
    }
}

#[async_trait]
impl HttpService for Http {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = tokio::time::timeout(self.patience, self.inner.request(request)).await;
        let answer = answer.map_err(|_| HttpError::new(HttpErrorKind::Timeout, Silent(self.patience)))?;
        let answer = answer.map_err(|error| {
            let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Interrupted };
            HttpError::new(kind, error)
        })?;
        let broken_off = |error: hyper::Error| HttpError::new(HttpErrorKind::Interrupted, error);
        Ok(answer.map(|body| HttpResponseBody::new(body.map_err(broken_off))))
    }
}

impl HttpConnector for Http {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}
