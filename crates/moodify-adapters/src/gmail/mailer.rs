use std::sync::Arc;

use async_trait::async_trait;
use moodify_core::model::Mail;
use moodify_core::port::{Clock, MailError, Mailer, Unavailable};

use super::GmailConfig;
use super::tokens::RefreshedTokens;
use crate::smtp::{LogIn, SmtpConfig, SmtpMailer};

/// Hands mails to Gmail in the name of one of its mailboxes.
pub struct GmailMailer(SmtpMailer);

impl GmailMailer {
    /// A mailer for this mailbox; nothing is fetched or opened yet.
    ///
    /// # Errors
    /// [`Unavailable`] if no certificate authority is known, or one that was given cannot be used.
    pub fn new(config: GmailConfig, clock: Arc<dyn Clock>) -> Result<Self, Unavailable> {
        let server = config.server.clone();
        let user = config.sender.clone();
        let tokens = Arc::new(RefreshedTokens::new(config, clock.clone())?);
        let server = SmtpConfig { log_in: LogIn::Token { user, tokens }, ..server };
        Ok(Self(SmtpMailer::new(server, clock)?))
    }
}

#[async_trait]
impl Mailer for GmailMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.0.send(mail).await
    }

    async fn check(&self) -> Result<(), MailError> {
        self.0.check().await
    }
}
