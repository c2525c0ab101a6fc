//! E-mail addresses.

use std::{fmt, str::FromStr};

use email_address::{EmailAddress, Options};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::Invalid;

/// An address that a mail can be sent to, composed (NFC) and in lower case: one mailbox has one
/// spelling here, so that it can have only one account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// Longest address that SMTP carries, in bytes (RFC 5321, 4.5.3.1.3, without the brackets).
    pub const MAX_BYTES: usize = 254;

    /// Reads an address.
    ///
    /// # Errors
    /// `invalid_email`. Quoted local parts, comments and domain literals are refused: mail
    /// programs disagree about them, and header injection hides in them.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::new("invalid_email", "This is not an e-mail address.");
        if text.len() > Self::MAX_BYTES {
            return Err(invalid());
        }
        let text: String = text.trim().to_lowercase().nfc().collect();
        let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
        let parsed = EmailAddress::parse_with_options(&text, options).map_err(|_| invalid())?;
        let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '"' | '(' | ')' | '<' | '>');
        if text.len() > Self::MAX_BYTES || parsed.local_part().contains(odd) || parsed.domain().contains(odd)
        {
            return Err(invalid());
        }
        Ok(Self(text))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Email {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl FromStr for Email {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mailbox_has_one_spelling() {
        assert_eq!(Email::parse(" Ada@Example.COM ").unwrap().as_str(), "ada@example.com");
    }

    #[test]
    fn refuses_what_is_no_address() {
        for text in [
            "",
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "ada@[127.0.0.1]",
            "a b@example.com",
            "ada@example.com\r\nBcc: eve@example.com",
            "ada\0@example.com",
            "\"a b\"@example.com",
            "Ada <ada@example.com>",
            "{\"$ne\": null}",
            &format!("{}@example.com", "a".repeat(10_000)),
        ] {
            assert_eq!(Email::parse(text).unwrap_err().code, "invalid_email", "{text:?}");
        }
    }
}
