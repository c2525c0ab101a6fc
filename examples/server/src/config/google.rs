//! `[google]`

use std::{num::NonZeroU32, path::PathBuf};

use moodify_http::Origin;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::Error};

/// The client that Moodify is to Google, or to another OpenID Connect issuer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Google {
    client_id: Option<String>,
    client_secret: Option<SecretString>,
    issuer: Option<String>,
    signing_algorithm: Algorithm,
    timeout_secs: Option<NonZeroU32>,
    ca_file: Option<PathBuf>,
    #[serde(deserialize_with = "origin")]
    pages: Option<Origin>,
}

impl Google {
    /// Whether people are signed in there.
    #[cfg(not(feature = "google"))]
    pub(crate) fn is_set_up(&self) -> bool {
        self.client_id.is_some()
    }

    /// Where browsers return to, if not to where the API is.
    pub(crate) fn pages(&self) -> Option<Origin> {
        self.pages.clone()
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
enum Algorithm {
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

fn origin<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Origin>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Origin::parse(&text).map(Some).map_err(|error| D::Error::custom(error.to_string()))
}

#[cfg(feature = "google")]
mod typed {
    use moodify_adapters::oidc::{OidcConfig, SigningAlgorithm};

    use super::{Algorithm, Google};
    use crate::{
        config::{read_authorities, seconds},
        failure::{Failure, one_line},
    };

    impl Google {
        /// The typed configuration; `None` if nobody is signed in there.
        ///
        /// # Errors
        /// Names what is missing or cannot be used.
        pub(crate) fn config(&self) -> Result<Option<OidcConfig>, Failure> {
            let Some(id) = self.client_id.clone() else { return Ok(None) };
            let missing = || {
                let fix = "set MOODIFY_GOOGLE_CLIENT_SECRET; docs/operations.md says where Google shows it";
                Failure::new("google.client_id is set, and google.client_secret is not", fix)
            };
            let secret = self.client_secret.clone().ok_or_else(missing)?;
            let issuer = self.issuer.as_deref().unwrap_or(OidcConfig::GOOGLE);
            let config = OidcConfig::new(issuer, id, secret).map_err(|error| {
                let fix = "correct google.issuer, or leave it out: it is Google by default";
                Failure::new(format!("google.issuer is {issuer}: {}", one_line(&error)), fix)
            })?;
            Ok(Some(OidcConfig {
                algorithm: self.signing_algorithm.into(),
                authorities: read_authorities("google.ca_file", self.ca_file.as_deref())?,
                timeout: seconds(self.timeout_secs, config.timeout),
                ..config
            }))
        }
    }

    impl From<Algorithm> for SigningAlgorithm {
        fn from(algorithm: Algorithm) -> Self {
            match algorithm {
                Algorithm::Rs256 => Self::Rs256,
                Algorithm::Es256 => Self::Es256,
                Algorithm::EdDsa => Self::EdDsa,
            }
        }
    }
}
