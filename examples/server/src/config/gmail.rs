//! `[gmail]`

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

/// The application that may send from the mailbox that `mailer` names.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Gmail {
    client_id: Option<String>,
    client_secret: Option<SecretString>,
    refresh_token: Option<SecretString>,
    token_url: Option<Url>,
    server: Option<SecretString>,
}

#[cfg(feature = "gmail")]
mod typed {
    use moodify_adapters::{gmail::GmailConfig, smtp::SmtpConfig};
    use secrecy::SecretString;

    use super::Gmail;
    use crate::failure::{Failure, one_line};

    impl Gmail {
        /// The typed configuration for this mailbox.
        ///
        /// # Errors
        /// Names what is missing or cannot be used.
        pub(crate) fn config(&self, sender: &str) -> Result<GmailConfig, Failure> {
            let id = self.client_id.clone().ok_or_else(|| missing("client_id"))?;
            let secret = |name, set: &Option<SecretString>| set.clone().ok_or_else(|| missing(name));
            let client_secret = secret("client_secret", &self.client_secret)?;
            let refresh_token = secret("refresh_token", &self.refresh_token)?;
            let google = GmailConfig::new(sender, id, client_secret, refresh_token)
                .map_err(|error| Failure::new(one_line(&error), "report this fault"))?;
            let server = match &self.server {
                Some(url) => SmtpConfig::from_url(url).map_err(|error| {
                    Failure::new(format!("gmail.server: {error}"), "leave it away: it is Gmail's by default")
                })?,
                None => google.server,
            };
            let token_url = self.token_url.clone().unwrap_or(google.token_url);
            Ok(GmailConfig { server, token_url, ..google })
        }
    }

    fn missing(name: &str) -> Failure {
        Failure::new(
            format!("mailer is gmail:, and gmail.{name} is not set"),
            format!(
                "set MOODIFY_GMAIL_{}; docs/operations.md says where Google shows it",
                name.to_uppercase()
            ),
        )
    }
}
