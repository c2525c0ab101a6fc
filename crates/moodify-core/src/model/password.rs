//! Passwords and what is kept of them.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use super::Invalid;

/// A password as somebody typed it, composed (NFC; RFC 8265, 4.2). Wiped when dropped, never shown.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// Longest accepted, in characters: above NIST 800-63B-4's minimum of 64, and bounded so that
    /// nobody sends a book to be hashed. Nothing is ever cut off.
    pub const MAX_CHARS: usize = 1024;

    /// Checks a new password against the minimum length (in characters).
    ///
    /// # Errors
    /// `password_too_short` or `password_too_long`.
    pub fn new(text: &str, min_chars: usize) -> Result<Self, Invalid> {
        let password = Self::given(text)?;
        if password.expose().chars().count() < min_chars {
            let message = format!("A password needs at least {min_chars} characters.");
            return Err(Invalid::new("password_too_short", message));
        }
        Ok(password)
    }

    /// Takes a password that is to be compared with an existing one.
    ///
    /// # Errors
    /// `password_too_long`.
    pub fn given(text: &str) -> Result<Self, Invalid> {
        let too_long = || {
            let message = format!("A password has at most {} characters.", Self::MAX_CHARS);
            Invalid::new("password_too_long", message)
        };
        if text.len() > Self::MAX_CHARS * 4 {
            return Err(too_long());
        }
        let text: String = text.nfc().collect();
        if text.chars().count() > Self::MAX_CHARS {
            return Err(too_long());
        }
        Ok(Self(text.into()))
    }

    /// The characters themselves: for hashing only.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A password hash as a PHC string (`$argon2id$v=19$…`), or as bcrypt writes it (`$2b$10$…`).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a hash as text.
    pub fn from_phc(phc: impl Into<String>) -> Self {
        Self(phc.into())
    }

    /// The text: for storing and verifying only.
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}
