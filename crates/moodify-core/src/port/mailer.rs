use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

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

    /// Whether it can tell: then a mail whose fate is not known is simply handed over again. A mail
    /// server cannot, and this is `false` unless a mailer says otherwise.
    fn knows_messages(&self) -> bool {
        false
    }
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
    /// The sender has sent too much, or too fast: this mail is as good as any, and all of them wait.
    #[error("the mail server wants fewer mails: {reason}")]
    Limited {
        /// The server's words, on one line.
        reason: String,
        /// For how long nothing should be sent.
        wait: Duration,
    },
    /// The server had the whole mail and did not say what it did with it: it may be on its way, or lost.
    #[error("the mail was handed over whole, and no answer came: {reason}")]
    Unanswered {
        /// What came instead, on one line.
        reason: String,
        /// The answer, if somebody still waits for it.
        late: Option<LateAnswer>,
    },
    /// The technology failed, or asked to wait (SMTP 4xx).
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

type Answer = Pin<Box<dyn Future<Output = Result<(), MailError>> + Send>>;

/// What a server will have said of a mail, after the time that a caller of [`Mailer::send`] has for it: ten
/// minutes at most (RFC 5321, 4.5.3.2.6). Dropped, it hangs up.
pub struct LateAnswer(Mutex<Answer>);

impl LateAnswer {
    /// An answer that is waited for.
    pub fn new(answer: impl Future<Output = Result<(), MailError>> + Send + 'static) -> Self {
        Self(Mutex::new(Box::pin(answer)))
    }

    /// Waits for it.
    ///
    /// # Errors
    /// As [`Mailer::send`]; [`MailError::Unanswered`] if it never came.
    pub async fn wait(self) -> Result<(), MailError> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).await
    }
}

impl fmt::Debug for LateAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LateAnswer")
    }
}
