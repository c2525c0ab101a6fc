//! Who vouches, and how it knows us.

use std::time::Duration;

use openidconnect::core::CoreJwsSigningAlgorithm;
use secrecy::SecretString;
use url::{Host, Url};

/// An issuer, and the client that Moodify is to it.
#[derive(Clone, Debug)]
pub struct OidcConfig {
    /// The issuer, exactly as it calls itself.
    pub issuer: String,
    /// The client's id at that issuer.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: SecretString,
    /// What it signs identity tokens with. Default: RS256, as OpenID Connect does.
    pub algorithm: SigningAlgorithm,
    /// Authorities that are trusted beside those of the system, in PEM.
    pub authorities: Option<String>,
    /// How long one request may take. Default 5 s.
    pub timeout: Duration,
}

impl OidcConfig {
    /// Google, as it calls itself.
    pub const GOOGLE: &str = "https://accounts.google.com";

    /// A client of this issuer.
    ///
    /// # Errors
    /// The issuer is no `https` address, or one that nobody could be at.
    pub fn new(
        issuer: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: SecretString,
    ) -> Result<Self, InvalidIssuer> {
        let issuer = issuer.into();
        check(&issuer)?;
        Ok(Self {
            issuer,
            client_id: client_id.into(),
            client_secret,
            algorithm: SigningAlgorithm::default(),
            authorities: None,
            timeout: Duration::from_secs(5),
        })
    }
}

/// How an issuer signs. None of these needs a secret that both sides know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// RSA with PKCS #1 v1.5 and SHA-256: what every issuer can.
    #[default]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl From<SigningAlgorithm> for CoreJwsSigningAlgorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Rs256 => Self::RsaSsaPkcs1V15Sha256,
            SigningAlgorithm::Es256 => Self::EcdsaP256Sha256,
            SigningAlgorithm::EdDsa => Self::EdDsa,
        }
    }
}

/// A text that is no issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIssuer {
    /// It is none of the addresses that an issuer has (OpenID Connect Discovery, 2).
    #[error("an issuer is an https:// address without query and fragment, such as {}", OidcConfig::GOOGLE)]
    NoAddress,
    /// Whoever listens on the line could sign anybody in.
    #[error("an issuer that is reached by http:// can be anybody: that is for this machine only")]
    Readable,
}

fn check(issuer: &str) -> Result<(), InvalidIssuer> {
    let url = Url::parse(issuer).map_err(|_| InvalidIssuer::NoAddress)?;
    let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    match url.scheme() {
        "https" if bare => Ok(()),
        "http" if bare && is_local(&url) => Ok(()),
        "http" if bare => Err(InvalidIssuer::Readable),
        _ => Err(InvalidIssuer::NoAddress),
    }
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_are_addresses_that_nobody_can_pretend_to_be() {
        for good in [
            OidcConfig::GOOGLE,
            "https://id.example/realms/music",
            "http://127.0.0.1:4000",
            "http://localhost",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", InvalidIssuer::NoAddress),
            ("accounts.google.com", InvalidIssuer::NoAddress),
            ("https://id.example/?a=b", InvalidIssuer::NoAddress),
            ("https://id.example/#a", InvalidIssuer::NoAddress),
            ("https://ada@id.example", InvalidIssuer::NoAddress),
            ("file:///etc/passwd", InvalidIssuer::NoAddress),
            ("http://id.example", InvalidIssuer::Readable),
            ("http://localhost.evil.example", InvalidIssuer::Readable),
        ] {
            assert_eq!(check(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn a_configuration_shows_no_secret() {
        let config = OidcConfig::new(OidcConfig::GOOGLE, "app", "hunter2".to_owned().into()).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
