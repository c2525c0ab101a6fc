//! The URLs that choose a technology.

use std::{fmt, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// A URL that chooses an adapter. It may hold a password: shown, it is only as much as helps to
/// recognise it.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Address(SecretString);

impl Address {
    /// What stands before the first colon, in lower case.
    pub(crate) fn scheme(&self) -> &str {
        self.split().0
    }

    /// The path of `sqlite://…` and `file://…`: all that follows the slashes, so a third slash
    /// makes it absolute.
    pub(crate) fn path(&self) -> PathBuf {
        let (_, rest) = self.split();
        PathBuf::from(rest.strip_prefix("//").unwrap_or(rest))
    }

    /// All of it, for the driver alone.
    #[cfg(any(
        feature = "azure",
        feature = "gcs",
        feature = "mongodb",
        feature = "postgres",
        feature = "rabbitmq",
        feature = "redis",
        feature = "s3",
        feature = "smtp"
    ))]
    pub(crate) fn secret(&self) -> SecretString {
        self.0.clone()
    }

    /// The mailbox of `gmail://sender@example.org`.
    #[cfg(feature = "gmail")]
    pub(crate) fn mailbox(&self) -> Result<&str, crate::failure::Failure> {
        let (_, rest) = self.split();
        let mailbox = rest.strip_prefix("//").filter(|rest| moodify_core::model::Email::parse(rest).is_ok());
        mailbox.ok_or_else(|| {
            crate::failure::Failure::new(
                "mailer is gmail:, and no mailbox follows",
                "set mailer to gmail://sender@example.org; what Google gave goes into the section [gmail]",
            )
        })
    }

    fn split(&self) -> (&str, &str) {
        self.0.expose_secret().split_once(':').unwrap_or_default()
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl TryFrom<String> for Address {
    type Error = &'static str;

    // The text never comes into the error: it may be a password that lost its URL.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (scheme, _) = text.split_once(':').ok_or("a URL is expected, such as `file://media`")?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c);
        if !scheme.starts_with(|c: char| c.is_ascii_lowercase()) || !scheme.chars().all(plain) {
            return Err("a URL is expected, beginning with its scheme in lower case, such as `file://media`");
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.split();
        let (rest, more) = rest.find(['?', '#']).map_or((rest, ""), |end| rest.split_at(end));
        // The mark may be one of a password's, whose end would then pass for a host.
        if more.contains('@') {
            return write!(f, "{scheme}://***");
        }
        match (rest.strip_prefix("//"), rest.rsplit_once('@')) {
            (Some(_), Some((_, host))) => write!(f, "{scheme}://***@{host}"),
            (Some(_), None) => write!(f, "{scheme}:{rest}"),
            (None, _) => write!(f, "{scheme}:"),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Address;

    fn address(text: &str) -> Address {
        Address::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn shows_no_secret() {
        for (text, shown) in [
            ("postgres://ada:secret@db.example:5432/moodify", "postgres://***@db.example:5432/moodify"),
            (
                "mongodb+srv://ada:secret@a.example,b.example/moodify?tls=true",
                "mongodb+srv://***@a.example,b.example/moodify",
            ),
            ("smtp://ada%40x:se@cret@mail.example", "smtp://***@mail.example"),
            ("s3://bucket?access_key=secret", "s3://bucket"),
            ("redis://host#secret", "redis://host"),
            ("postgres://ada:se?cret@db.example/moodify", "postgres://***"),
            ("postgres://ada:se#cret@db.example/moodify", "postgres://***"),
            ("postgres://db.example/moodify?password=x@secret", "postgres://***"),
            ("gmail:secret", "gmail:"),
            ("sqlite://data/moodify.db", "sqlite://data/moodify.db"),
            ("database:", "database:"),
        ] {
            assert_eq!(address(text).to_string(), shown);
            assert!(!format!("{:?}", address(text)).contains("secret"), "{text}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused_without_repeating_it() {
        for text in ["", "hunter2", "1a://x", "My Secret: x", "://x", "FILE://x"] {
            let error = Address::try_from(text.to_owned()).unwrap_err();
            assert!(text.is_empty() || !error.contains(text), "{text}");
        }
    }

    #[test]
    fn paths_are_relative_or_absolute() {
        assert_eq!(address("sqlite://data/moodify.db").path(), Path::new("data/moodify.db"));
        assert_eq!(address("file:///var/lib/moodify").path(), Path::new("/var/lib/moodify"));
    }
}
