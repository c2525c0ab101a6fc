//! Refresh sessions.

use std::fmt;

use jiff::Timestamp;

use super::{AccountId, SessionId};

/// SHA-256 of a refresh token: all that is stored of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// One log-in on one device: a chain of refresh tokens of which only the newest is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Identifier; the `sid` claim of its access tokens.
    pub id: SessionId,
    /// Whose it is.
    pub account_id: AccountId,
    /// Hash of the newest refresh token.
    pub token_hash: TokenHash,
    /// How many times the token has rotated.
    pub generation: u32,
    /// When the newest token was made.
    pub rotated_at: Timestamp,
    /// When it ends if it is not used.
    pub idle_expires_at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// When it began.
    pub created_at: Timestamp,
}

impl Session {
    /// Whether a refresh is still possible at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.idle_expires_at && now < self.expires_at
    }
}
