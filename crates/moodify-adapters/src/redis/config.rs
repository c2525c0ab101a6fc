//! What has to be known of a Redis server.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Somebody waits for it with a finger on a button.
const TIMEOUT: Duration = Duration::from_secs(3);

const LEASE: Duration = Duration::from_secs(10);

/// 30 days.
const KEEP: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A Redis server, and how to use it.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// Its name or address; with TLS the certificate must be for it.
    pub host: String,
    /// 6379 by default.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// As whom to log in, where the server knows more than one user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<SecretString>,
    /// The number of the database. It keeps keys apart, but not channels: those are told apart by the prefix
    /// alone.
    pub database: u32,
    /// What all keys and channels begin with, up to a colon: letters, digits, `-` and `_`. Default:
    /// `moodify`.
    pub prefix: String,
    /// Certificate authorities in PEM that are trusted beside those of the system.
    pub authorities: Option<String>,
    /// How long the server may take for one answer. Default: 3 s.
    pub timeout: Duration,
    /// How long a process that says nothing counts as alive; its devices as connected. Default: 10 s.
    pub lease: Duration,
    /// How long what nobody changes is kept of a listener. Default: 30 days.
    pub keep: Duration,
}

/// Why a URL names no Redis server. It repeats nothing of the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisUrlError {
    /// It cannot be read.
    #[error(
        "it is not `redis://user:password@host:port/number`; characters such as @, : and / in a password are percent-encoded"
    )]
    Malformed,
    /// There is a user and no password.
    #[error("it has a user without a password")]
    HalfLogIn,
    /// Something after a question mark.
    #[error("it has no options: what else can be set stands in the section [redis]")]
    Option,
}

impl RedisConfig {
    /// What `redis://…` or `rediss://…` says, with the defaults for the rest; the module's documentation has
    /// the forms.
    ///
    /// # Errors
    /// Says what is wrong without repeating any of it.
    pub fn from_url(url: &SecretString) -> Result<Self, RedisUrlError> {
        let url = Url::parse(url.expose_secret()).map_err(|_| RedisUrlError::Malformed)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(RedisUrlError::Malformed)?;
        let tls = match url.scheme() {
            "redis" => false,
            "rediss" => true,
            _ => return Err(RedisUrlError::Malformed),
        };
        if url.query().is_some() {
            return Err(RedisUrlError::Option);
        }
        if url.fragment().is_some() {
            return Err(RedisUrlError::Malformed);
        }
        let number = url.path().trim_matches('/');
        let database = if number.is_empty() { Ok(0) } else { number.parse() };
        let (user, password) = match (url.username(), url.password()) {
            ("", None) => (None, None),
            ("", Some(password)) => (None, Some(decoded(password)?)),
            (_, None) => return Err(RedisUrlError::HalfLogIn),
            (user, Some(password)) => (Some(decoded(user)?), Some(decoded(password)?)),
        };
        Ok(Self {
            // An IPv6 address stands in brackets in a URL, and nowhere else.
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port().unwrap_or(6379),
            tls,
            user,
            password: password.map(Into::into),
            database: database.map_err(|_| RedisUrlError::Malformed)?,
            prefix: "moodify".to_owned(),
            authorities: None,
            timeout: TIMEOUT,
            lease: LEASE,
            keep: KEEP,
        })
    }
}

fn decoded(text: &str) -> Result<String, RedisUrlError> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| RedisUrlError::Malformed)?;
    if text.contains(char::is_control) { Err(RedisUrlError::Malformed) } else { Ok(text.into_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<RedisConfig, RedisUrlError> {
        RedisConfig::from_url(&url.to_owned().into())
    }

    #[test]
    fn a_url_says_all_of_it() {
        let config = parse("redis://ada%40x:se%3Acret%2F@cache.example.org:7000/3").unwrap();
        assert_eq!((config.host.as_str(), config.port, config.tls), ("cache.example.org", 7000, false));
        assert_eq!((config.user.as_deref(), config.database), (Some("ada@x"), 3));
        assert_eq!(config.password.as_ref().unwrap().expose_secret(), "se:cret/");
        assert!(!format!("{config:?}").contains("se:cret"), "{config:?}");

        let config = parse("rediss://:secret@[::1]").unwrap();
        assert_eq!((config.host.as_str(), config.port, config.tls), ("::1", 6379, true));
        assert!(config.user.is_none() && config.password.is_some());
        for url in ["redis://127.0.0.1", "redis://127.0.0.1/", "redis://127.0.0.1:6379/0"] {
            let config = parse(url).unwrap();
            assert_eq!((config.host.as_str(), config.port, config.database), ("127.0.0.1", 6379, 0), "{url}");
            assert!(config.user.is_none() && config.password.is_none());
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (url, error) in [
            ("redis:", RedisUrlError::Malformed),
            ("redis://", RedisUrlError::Malformed),
            ("http://cache.example.org", RedisUrlError::Malformed),
            ("redis://cache.example.org/music", RedisUrlError::Malformed),
            ("redis://cache.example.org/1/2", RedisUrlError::Malformed),
            ("redis://cache.example.org/#1", RedisUrlError::Malformed),
            ("redis://a%0d%0a:b@cache.example.org", RedisUrlError::Malformed),
            ("redis://ada@cache.example.org", RedisUrlError::HalfLogIn),
            ("redis://cache.example.org?protocol=resp3", RedisUrlError::Option),
        ] {
            assert_eq!(parse(url).unwrap_err(), error, "{url}");
        }
    }
}
