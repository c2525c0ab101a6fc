use async_trait::async_trait;

use super::Unavailable;
use crate::model::Mail;

/// Hands rendered mails to whatever delivers them.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Returns `Ok` when the mail was accepted for delivery. `mail.message_id` is the idempotency
    /// key: a mailer that can tell sends the same message once, however often it is asked.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;

    /// Whether a mail could be handed over now, tried with a real round trip that sends none.
    async fn check(&self) -> Result<(), MailError>;
}

/// Why a [`Mailer`] failed.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// This mail will never be accepted (SMTP 5xx): trying again is of no use.
    #[error("refused for good: {reason}")]
    Refused {
        /// The server's words, on one line.
        reason: String,
    },
    /// The technology failed, or asked to wait (SMTP 4xx).
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
