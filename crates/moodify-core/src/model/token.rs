//! What an access token says (RFC 9068), and the tokens that travel in mails.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AccountId, ArtistId, Role, SessionId};

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
