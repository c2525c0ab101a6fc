//! How adapters ask web services.

use std::sync::Arc;
use std::time::Duration;

use moodify_core::port::Unavailable;
use reqwest::{Client, redirect::Policy};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// A client that gives up after a while, follows no redirects (what it sends may be secret), and
/// trusts the system's authorities and these more, in PEM.
///
/// # Errors
/// [`Unavailable`] if an authority that was given cannot be read.
pub(crate) fn client(patience: Duration, authorities: Option<&str>) -> Result<Client, Unavailable> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for authority in CertificateDer::pem_slice_iter(authorities.unwrap_or_default().as_bytes()) {
        roots.add(authority.map_err(Unavailable::lasting)?).map_err(Unavailable::lasting)?;
    }
    if roots.is_empty() {
        tracing::warn!("no certificate authority is known here; install ca-certificates to reach web services");
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Unavailable::lasting)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = Client::builder().tls_backend_preconfigured(tls).redirect(Policy::none()).timeout(patience);
    client.build().map_err(Unavailable::lasting)
}
