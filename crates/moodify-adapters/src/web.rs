//! How adapters ask web services.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use moodify_core::port::Unavailable;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use url::Url;

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
            .with_tls_config(tls(authorities)?)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self { inner: legacy::Client::builder(TokioExecutor::new()).build(connector), patience })
    }

    /// Asks for what stands there, and returns what was answered.
    ///
    /// # Errors
    /// [`Unavailable::passing`] if there was no answer in time.
    #[cfg(feature = "jwks")]
    pub(crate) async fn get(&self, url: &Url) -> Result<(StatusCode, Bytes), Unavailable> {
        let request = Request::get(url.as_str())
            .header(header::ACCEPT, "application/json")
            .body(Full::default())
            .map_err(Unavailable::lasting)?;
        self.exchange(request).await
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
    ) -> Result<(StatusCode, Bytes), Unavailable> {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(url.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(Full::from(form))
            .map_err(Unavailable::lasting)?;
        self.exchange(request).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Unavailable> {
        let exchange = async {
            let (head, body) = self.inner.request(request).await.map_err(Unavailable::passing)?.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(Unavailable::passing)?;
            Ok((head.status, body.to_bytes()))
        };
        let patience = self.patience;
        tokio::time::timeout(patience, exchange)
            .await
            .unwrap_or_else(|_| Err(Unavailable::passing(format!("no answer within {patience:?}"))))
    }
}

fn tls(authorities: Option<&str>) -> Result<ClientConfig, Unavailable> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for authority in CertificateDer::pem_slice_iter(authorities.unwrap_or_default().as_bytes()) {
        roots.add(authority.map_err(Unavailable::lasting)?).map_err(Unavailable::lasting)?;
    }
    if roots.is_empty() {
        tracing::warn!(
            "no certificate authority is known here; install ca-certificates to reach web services"
        );
    }
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Unavailable::lasting)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
