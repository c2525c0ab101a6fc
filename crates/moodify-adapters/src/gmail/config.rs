//! What Google has to be told.

use secrecy::SecretString;
use url::Url;

use crate::smtp::{Encryption, SmtpConfig};

/// A mailbox at Gmail, and the application that may send from it.
#[derive(Clone, Debug)]
pub struct GmailConfig {
    /// The mailbox.
    pub sender: String,
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: SecretString,
    /// What Google gave when the mailbox's owner allowed the application to send.
    pub refresh_token: SecretString,
    /// Where access tokens are fetched. Default: Google's.
    pub token_url: Url,
    /// Where mails are handed over; its log-in is replaced. Default: Gmail's server, TLS from the first byte.
    pub server: SmtpConfig,
}

impl GmailConfig {
    /// Where Google gives access tokens.
    pub const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

    /// Google's own servers for this mailbox.
    ///
    /// # Errors
    /// Never; the address of Google is parsed.
    pub fn new(
        sender: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: SecretString,
        refresh_token: SecretString,
    ) -> Result<Self, url::ParseError> {
        Ok(Self {
            sender: sender.into(),
            client_id: client_id.into(),
            client_secret,
            refresh_token,
            token_url: Url::parse(Self::TOKEN_URL)?,
            server: SmtpConfig::new("smtp.gmail.com", Encryption::Implicit),
        })
    }
}
