//! Who somebody is at an identity provider.

use super::Invalid;

/// Somebody at an OpenID Connect issuer. No two people there ever have the same subject, and nobody's
/// changes (OpenID Connect Core, 2); an e-mail address is no identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    issuer: String,
    subject: String,
}

impl Identity {
    /// The longest address of an issuer, in bytes.
    pub const MAX_ISSUER_BYTES: usize = 512;
    /// The longest subject, in bytes (OpenID Connect Core, 2).
    pub const MAX_SUBJECT_BYTES: usize = 255;

    /// Checks both: not empty, not too long, visible ASCII only. They are compared byte by byte.
    ///
    /// # Errors
    /// `invalid_identity`.
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>) -> Result<Self, Invalid> {
        let identity = Self { issuer: issuer.into(), subject: subject.into() };
        let plain = |text: &str, max: usize| {
            (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if plain(&identity.issuer, Self::MAX_ISSUER_BYTES)
            && plain(&identity.subject, Self::MAX_SUBJECT_BYTES)
        {
            return Ok(identity);
        }
        Err(Invalid::new("invalid_identity", "This is not the issuer and subject of an identity."))
    }

    /// Who vouches, as it calls itself.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The person, at that issuer.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

#[cfg(test)]
mod tests {
    use super::Identity;

    #[test]
    fn identities_are_short_and_visible() {
        let issuer = "https://accounts.google.com";
        assert!(Identity::new(issuer, "110169484474386276334").is_ok());
        assert!(Identity::new(issuer, "auth0|5f7c8ec7c33c6c004bbafe82").is_ok());
        assert!(Identity::new(issuer, "x".repeat(255)).is_ok());
        for subject in ["", " ", "a b", "a\0", "a\n", "\u{e4}", &"x".repeat(256)] {
            assert!(Identity::new(issuer, subject).is_err(), "{subject:?}");
        }
        assert!(Identity::new("", "1").is_err());
        assert!(Identity::new("x".repeat(513), "1").is_err());
    }
}
