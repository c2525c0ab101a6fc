//! How adapters ask web services.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response};
#[cfg(any(feature = "gmail", feature = "jwks"))]
use hyper::{StatusCode, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use moodify_core::port::Unavailable;
#[cfg(any(feature = "gmail", feature = "jwks"))]
use url::Url;

use crate::tls::client_config;

/// More than any of them has to say.
const MAX_ANSWER: usize = 1 << 16;

/// A client that gives up after a while and follows no redirects: what it sends may be secret.
pub(crate) struct Client {
    inner: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    patience: Duration,
}

impl Client {
    /// One that trusts the system's authorities, and these more, in PEM.
    ///
    /// # Errors
    /// [`Unavailable`] if an authority that was given cannot be read.
    pub(crate) fn new(patience: Duration, authorities: Option<&str>) -> Result<Self, Unavailable> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(client_config(authorities)?)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self { inner: legacy::Client::builder(TokioExecutor::new()).build(connector), patience })
    }

    /// Sends a request, and returns what was answered.
    ///
    /// # Errors
    /// [`Unavailable::passing`] if there was no answer in time, or a longer one than any that is expected.
    pub(crate) async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Unavailable> {
        let exchange = async {
            let request = request.map(Full::from);
            let (head, body) = self.inner.request(request).await.map_err(Unavailable::passing)?.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(Unavailable::passing)?;
            Ok(Response::from_parts(head, body.to_bytes().to_vec()))
        };
        let patience = self.patience;
        tokio::time::timeout(patience, exchange)
            .await
            .unwrap_or_else(|_| Err(Unavailable::passing(format!("no answer within {patience:?}"))))
    }

    /// Asks for what stands there, and returns what was answered.
    ///
    /// # Errors
    /// [`Unavailable::passing`] if there was no answer in time.
    #[cfg(feature = "jwks")]
    pub(crate) async fn get(&self, url: &Url) -> Result<(StatusCode, Vec<u8>), Unavailable> {
        let request = Request::get(url.as_str())
            .header(header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(Unavailable::lasting)?;
        let (head, body) = self.send(request).await?.into_parts();
        Ok((head.status, body))
    }

    /// Posts a form, and returns what was answered.
    ///
    /// # Errors
    /// [`Unavailable::passing`] if there was no answer in time.
    #[cfg(feature = "gmail")]
    pub(crate) async fn post_form(
        &self,
        url: &Url,
        fields: &[(&str, &str)],
    ) -> Result<(StatusCode, Vec<u8>), Unavailable> {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(url.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(form.into_bytes())
            .map_err(Unavailable::lasting)?;
        let (head, body) = self.send(request).await?.into_parts();
        Ok((head.status, body))
    }
}
