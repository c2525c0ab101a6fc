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
    use std::time::Duration;

    use moodify_adapters::smtp::SmtpConfig;
    use moodify_core::service::delivery;

    use super::Smtp;
    use crate::{
        config::{read_authorities, seconds},
        failure::Failure,
    };

    /// Of the time that a worker gives an event, this is left for all that is not the mail server.
    const BESIDE_THE_SERVER: Duration = Duration::from_secs(5);

    impl Smtp {
        /// The typed configuration of this server.
        ///
        /// # Errors
        /// If the authorities cannot be read, or one mail may take longer than the event it is for.
        pub(crate) fn config(&self, server: SmtpConfig) -> Result<SmtpConfig, Failure> {
            let connections = self.max_connections.and_then(|number| usize::try_from(number.get()).ok());
            Ok(SmtpConfig {
                authorities: read_authorities("smtp.ca_file", self.ca_file.as_deref())?
                    .or(server.authorities),
                max_connections: connections.unwrap_or(server.max_connections),
                timeout: self.timeout(server.timeout)?,
                ..server
            })
        }

        fn timeout(&self, default: Duration) -> Result<Duration, Failure> {
            let (timeout, longest) =
                (seconds(self.timeout_secs, default), delivery::TIMEOUT - BESIDE_THE_SERVER);
            if timeout <= longest {
                return Ok(timeout);
            }
            Err(Failure::new(
                format!(
                    "smtp.timeout_secs is {}: a mail is given up and tried again after {}, \
                     while its server may still deliver it",
                    timeout.as_secs(),
                    delivery::TIMEOUT.as_secs(),
                ),
                format!("set {} at most", longest.as_secs()),
            ))
        }
    }

    #[cfg(test)]
    mod tests {
        use std::num::NonZeroU32;

        use moodify_adapters::smtp::Encryption;

        use super::*;

        #[test]
        fn no_mail_may_take_longer_than_its_event() {
            for (secs, accepted) in
                [(None, Some(20)), (Some(25), Some(25)), (Some(26), None), (Some(60), None)]
            {
                let smtp = Smtp { timeout_secs: secs.and_then(NonZeroU32::new), ..Smtp::default() };
                let config = smtp.config(SmtpConfig::new("mail.example.org", Encryption::StartTls));
                assert_eq!(config.ok().map(|config| config.timeout.as_secs()), accepted, "{secs:?}");
            }
        }
    }
}
