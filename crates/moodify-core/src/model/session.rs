//! Refresh sessions.

use std::fmt;

use jiff::Timestamp;

use super::{AccountId, Invalid, KeyId, SessionId};

/// SHA-256 of a refresh token, or of the token in a mail: all that is stored of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
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
    /// The key that its refresh tokens are chained with, from the first to the last: whatever keys
    /// are made meanwhile, all processes compute the same successor.
    pub key_id: KeyId,
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
    /// The program that began it, as it called itself.
    pub user_agent: Option<UserAgent>,
}

impl Session {
    /// Whether a refresh is still possible at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.idle_expires_at && now < self.expires_at
    }
}

/// Which sessions of an account end with a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedSessions {
    /// None.
    None,
    /// All but the one that asked for the change.
    AllBut(SessionId),
    /// All.
    All,
}

impl EndedSessions {
    /// Whether this session is one of them.
    pub fn contains(self, id: SessionId) -> bool {
        match self {
            Self::None => false,
            Self::AllBut(kept) => id != kept,
            Self::All => true,
        }
    }
}

/// What a program calls itself (`User-Agent`): for people who look through their sessions, and
/// believed by nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent(String);

impl UserAgent {
    /// The longest that is kept, in characters: enough for what browsers send.
    pub const MAX_CHARS: usize = 200;

    /// What can be kept of such a text: the beginning, in plain ASCII. `None` if nothing is left.
    pub fn from_header(text: &str) -> Option<Self> {
        let plain = text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(Self::MAX_CHARS);
        let plain: String = plain.collect();
        let plain = plain.trim();
        if plain.is_empty() { None } else { Some(Self(plain.to_owned())) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UserAgent {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let kept = Self::from_header(&text).filter(|kept| kept.0 == text);
        kept.ok_or_else(|| Invalid::new("invalid_user_agent", "This is no name of a program."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_a_short_plain_name_or_none() {
        let name = |text: &str| UserAgent::from_header(text).map(|name| name.as_str().to_owned());
        assert_eq!(name(" Firefox/150.0 (X11) ").as_deref(), Some("Firefox/150.0 (X11)"));
        assert_eq!(name("a\r\nb\u{202e}c\0").as_deref(), Some("abc"));
        assert_eq!(name(&"x".repeat(10_000)).map(|name| name.len()), Some(UserAgent::MAX_CHARS));
        for nothing in ["", "  ", "\u{1F3B5}\n"] {
            assert_eq!(name(nothing), None, "{nothing:?}");
        }
        let longest = UserAgent::from_header(&format!("{} x", "y".repeat(UserAgent::MAX_CHARS - 1))).unwrap();
        assert_eq!(UserAgent::try_from(longest.as_str().to_owned()).unwrap(), longest);
        assert!(UserAgent::try_from(" x".to_owned()).is_err());
    }
}
