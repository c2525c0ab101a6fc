//! What an access token says (RFC 9068), and the tokens that travel in mails.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AccountId, ArtistId, Role, SessionId, TokenHash};

/// The secret of a link in a mail. It travels in one event, from the auth service to the mail, and is
/// kept nowhere else but as a hash. Never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MailToken(String);

impl MailToken {
    /// Wraps the text of a link.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What stands for a token that nobody is to see.
    pub fn redacted() -> Self {
        Self("(hidden)".to_owned())
    }

    /// The text: for the link and for hashing only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MailToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailToken(…)")
    }
}

/// What somebody may do who has a [`MailToken`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailTokenPurpose {
    /// Prove to read the mailbox.
    VerifyEmail,
    /// Choose a new password.
    ResetPassword,
}

impl MailTokenPurpose {
    /// Every purpose.
    pub const ALL: [Self; 2] = [Self::VerifyEmail, Self::ResetPassword];

    /// The name in databases.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
        }
    }

    /// The purpose with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }
}

/// What is kept of a [`MailToken`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMailToken {
    /// Hash of the token.
    pub hash: TokenHash,
    /// Whose it is.
    pub account_id: AccountId,
    /// What it is good for. An account has one token for a purpose at most.
    pub purpose: MailTokenPurpose,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// The claims of an access token. All are required; unknown ones are ignored (RFC 7519, 4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Issuer.
    pub iss: String,
    /// Audience.
    pub aud: String,
    /// The account.
    pub sub: AccountId,
    /// Issued at, seconds since 1970.
    pub iat: i64,
    /// Expires at, seconds since 1970.
    pub exp: i64,
    /// Unique id of this token.
    pub jti: String,
    /// What the account may do.
    pub role: Role,
    /// The refresh session it came from.
    pub sid: SessionId,
    /// The artist's profile, when the role is artist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artist_id: Option<ArtistId>,
    /// What other people see.
    pub name: String,
}

/// Somebody whose access token was verified: the only way services learn who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub account_id: AccountId,
    /// The refresh session of the token.
    pub session_id: SessionId,
    /// What the account may do.
    pub role: Role,
    /// The artist's profile, when the role is artist.
    pub artist_id: Option<ArtistId>,
    /// What other people see.
    pub name: String,
    /// When the token expires.
    pub expires_at: jiff::Timestamp,
}
