//! What has to be known of a mail server.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::LogIn;

/// Below what a worker waits for a whole event.
const TIMEOUT: Duration = Duration::from_secs(20);
/// A server may do all of its work between the last line of a mail and its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// A mail server, and how to talk to it.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// Its name; the certificate must be for it.
    pub host: String,
    /// 465 for [`Encryption::Implicit`], 587 for [`Encryption::StartTls`] (RFC 8314).
    pub port: u16,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// As whom mails are handed over.
    pub log_in: LogIn,
    /// Certificate authorities in PEM that are trusted beside those of the system.
    pub authorities: Option<String>,
    /// How many connections are open at most. Default: 4.
    pub max_connections: usize,
    /// How long one mail may take, with all that comes before it: less than a worker gives the whole event
    /// ([`TIMEOUT`](moodify_core::service::delivery::TIMEOUT)). Default: 20 s.
    pub timeout: Duration,
    /// How long after that an answer to a mail that was handed over whole may come; nobody waits for it but
    /// whoever notes it. Default: 10 min, what RFC 5321, 4.5.3.2.6 asks for.
    pub answer_timeout: Duration,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// TLS from the first byte.
    Implicit,
    /// Nothing of worth is said before `STARTTLS`; a server without it gets no mail.
    StartTls,
    /// In the clear.
    Off,
}

/// Why a URL names no mail server. It repeats nothing of the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpUrlError {
    /// It cannot be read.
    #[error(
        "it is not `smtp://user:password@host:port`; characters such as @, : and / in a password are percent-encoded"
    )]
    Malformed,
    /// There is a user and no password, or the other way round.
    #[error("it has a user without a password, or a password without a user")]
    HalfLogIn,
    /// An unknown option after the question mark.
    #[error("its only option is tls=off")]
    Option,
    /// A password would cross a network in the clear.
    #[error("with tls=off a password would be readable on its way: leave tls=off or the password away")]
    PasswordInTheClear,
}

impl SmtpConfig {
    /// The defaults for a server.
    pub fn new(host: impl Into<String>, encryption: Encryption) -> Self {
        Self {
            host: host.into(),
            port: if encryption == Encryption::Implicit { 465 } else { 587 },
            encryption,
            log_in: LogIn::Nobody,
            authorities: None,
            max_connections: 4,
            timeout: TIMEOUT,
            answer_timeout: ANSWER_TIMEOUT,
        }
    }

    /// What `smtp://…` or `smtps://…` says; the module's documentation has the forms.
    ///
    /// # Errors
    /// Says what is wrong without repeating any of it.
    pub fn from_url(url: &SecretString) -> Result<Self, SmtpUrlError> {
        let url = Url::parse(url.expose_secret()).map_err(|_| SmtpUrlError::Malformed)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(SmtpUrlError::Malformed)?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(SmtpUrlError::Malformed);
        }
        let encryption = match (url.scheme(), url.query()) {
            ("smtps", None) => Encryption::Implicit,
            ("smtp", None) => Encryption::StartTls,
            ("smtp", Some("tls=off")) => Encryption::Off,
            ("smtp" | "smtps", Some(_)) => return Err(SmtpUrlError::Option),
            _ => return Err(SmtpUrlError::Malformed),
        };
        let log_in = log_in(&url)?;
        if encryption == Encryption::Off && !matches!(log_in, LogIn::Nobody) && !is_loopback(host) {
            return Err(SmtpUrlError::PasswordInTheClear);
        }
        let default = Self::new(host, encryption);
        Ok(Self { port: url.port().unwrap_or(default.port), log_in, ..default })
    }
}

fn log_in(url: &Url) -> Result<LogIn, SmtpUrlError> {
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().map_err(|_| SmtpUrlError::Malformed)?;
        if text.contains(char::is_control) { Err(SmtpUrlError::Malformed) } else { Ok(text.into_owned()) }
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(LogIn::Nobody),
        ("", Some(_)) | (_, None) => Err(SmtpUrlError::HalfLogIn),
        (user, Some(password)) => {
            Ok(LogIn::Password { user: decoded(user)?, password: decoded(password)?.into() })
        }
    }
}

// `smtp` is no scheme that the URL standard knows, so its hosts stay text.
fn is_loopback(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(ip)) => ip.is_loopback(),
        Ok(Host::Ipv6(ip)) => ip.is_loopback(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<SmtpConfig, SmtpUrlError> {
        SmtpConfig::from_url(&url.to_owned().into())
    }

    #[test]
    fn a_url_says_all_of_it() {
        let config = parse("smtp://ada%40x.org:se%3Acret%2F@mail.example.org").unwrap();
        assert_eq!((config.host.as_str(), config.port), ("mail.example.org", 587));
        assert_eq!(config.encryption, Encryption::StartTls);
        let LogIn::Password { user, password } = &config.log_in else { panic!("{config:?}") };
        assert_eq!((user.as_str(), password.expose_secret()), ("ada@x.org", "se:cret/"));
        assert!(!format!("{config:?}").contains("cret"), "{config:?}");

        let config = parse("smtps://mail.example.org").unwrap();
        assert_eq!((config.port, config.encryption), (465, Encryption::Implicit));
        let config = parse("smtp://127.0.0.1:2525?tls=off").unwrap();
        assert_eq!((config.port, config.encryption), (2525, Encryption::Off));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (url, error) in [
            ("smtp:", SmtpUrlError::Malformed),
            ("smtp://", SmtpUrlError::Malformed),
            ("imap://mail.example.org", SmtpUrlError::Malformed),
            ("smtp://mail.example.org/inbox", SmtpUrlError::Malformed),
            ("smtp://a%0d%0a:b@mail.example.org", SmtpUrlError::Malformed),
            ("smtp://ada@mail.example.org", SmtpUrlError::HalfLogIn),
            ("smtp://:secret@mail.example.org", SmtpUrlError::HalfLogIn),
            ("smtp://mail.example.org?tls=maybe", SmtpUrlError::Option),
            ("smtps://mail.example.org?tls=off", SmtpUrlError::Option),
            ("smtp://ada:secret@mail.example.org?tls=off", SmtpUrlError::PasswordInTheClear),
        ] {
            assert_eq!(parse(url).unwrap_err(), error, "{url}");
        }
        parse("smtp://ada:secret@127.0.0.1?tls=off").unwrap();
        parse("smtp://ada:secret@[::1]:25?tls=off").unwrap();
    }
}
