//! Whom adapters trust that bring their own connections.

use std::sync::Arc;

use moodify_core::port::Unavailable;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// Trust in the system's authorities, and in these more, in PEM.
///
/// # Errors
/// [`Unavailable`] if an authority that was given cannot be read.
pub(crate) fn client_config(authorities: Option<&str>) -> Result<ClientConfig, Unavailable> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for authority in CertificateDer::pem_slice_iter(authorities.unwrap_or_default().as_bytes()) {
        roots.add(authority.map_err(Unavailable::lasting)?).map_err(Unavailable::lasting)?;
    }
    if roots.is_empty() {
        tracing::warn!(
            "no certificate authority is known here; install ca-certificates to reach servers over TLS"
        );
    }
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Unavailable::lasting)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
