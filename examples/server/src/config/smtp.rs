//! `[smtp]`

use std::{num::NonZeroU32, path::PathBuf};

use serde::Deserialize;

/// How to talk to a mail server, if `mailer` names one. What is not set has the default of the adapter.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Smtp {
    max_connections: Option<NonZeroU32>,
    timeout_secs: Option<NonZeroU32>,
    ca_file: Option<PathBuf>,
}

#[cfg(feature = "smtp")]
mod typed {
    use std::fs;

    use moodify_adapters::smtp::SmtpConfig;

    use super::Smtp;
    use crate::{config::seconds, failure::Failure};

    impl Smtp {
        /// The typed configuration of this server.
        ///
        /// # Errors
        /// If the authorities cannot be read.
        pub(crate) fn config(&self, server: SmtpConfig) -> Result<SmtpConfig, Failure> {
            let connections = self.max_connections.and_then(|number| usize::try_from(number.get()).ok());
            Ok(SmtpConfig {
                authorities: self.authorities()?.or(server.authorities),
                max_connections: connections.unwrap_or(server.max_connections),
                timeout: seconds(self.timeout_secs, server.timeout),
                ..server
            })
        }

        fn authorities(&self) -> Result<Option<String>, Failure> {
            let Some(file) = &self.ca_file else { return Ok(None) };
            fs::read_to_string(file).map(Some).map_err(|error| {
                Failure::new(
                    format!("smtp.ca_file, {}, cannot be read: {error}", file.display()),
                    "name a file with certificates in PEM, or leave it to the system's authorities",
                )
            })
        }
    }
}
