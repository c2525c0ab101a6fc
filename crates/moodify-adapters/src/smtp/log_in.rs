//! As whom mails are handed over.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use moodify_core::port::Unavailable;
use secrecy::SecretString;

/// As whom mails are handed over.
#[derive(Clone)]
pub enum LogIn {
    /// As nobody: a relay that trusts where the connection comes from.
    Nobody,
    /// With a password (SASL PLAIN or LOGIN).
    Password {
        /// Name.
        user: String,
        /// Password.
        password: SecretString,
    },
    /// With an access token (SASL XOAUTH2).
    Token {
        /// The mailbox that the token is for.
        user: String,
        /// Where tokens come from.
        tokens: Arc<dyn AccessTokens>,
    },
}

/// Where access tokens come from.
#[async_trait]
pub trait AccessTokens: Send + Sync {
    /// One that should be taken.
    ///
    /// # Errors
    /// [`Unavailable`] if none can be had, now or at all.
    async fn current(&self) -> Result<SecretString, Unavailable>;

    /// The mail server did not take this one: do not hand it out again.
    async fn refused(&self, token: &SecretString);
}

impl fmt::Debug for LogIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("Nobody"),
            Self::Password { user, .. } => write!(f, "Password({user})"),
            Self::Token { user, .. } => write!(f, "Token({user})"),
        }
    }
}
