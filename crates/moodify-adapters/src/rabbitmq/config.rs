//! What has to be known of a broker.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Below what a relay leases its events for.
const TIMEOUT: Duration = Duration::from_secs(10);

/// As the delays of the schedule in `moodify-core`, and a second for what is left of one.
const WAITS: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(60 * 60),
];

/// AMQP 0-9-1 keeps the length of a name in one byte.
const LONGEST_NAME: usize = 255;

/// A broker, and how to talk to it.
#[derive(Clone, Debug)]
pub struct RabbitConfig {
    /// Its name or address; with TLS the certificate must be for it.
    pub host: String,
    /// 5672, or 5671 with TLS.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// As whom to log in.
    pub user: String,
    /// The password of that user.
    pub password: SecretString,
    /// The virtual host.
    pub vhost: String,
    /// What the names of all exchanges and queues begin with, up to a dot: letters, digits, `-` and `_`.
    /// Default: `moodify`.
    pub prefix: String,
    /// Certificate authorities in PEM that are trusted beside those of the system.
    pub authorities: Option<String>,
    /// How long the broker may take for one answer. Default: 10 s.
    pub timeout: Duration,
    /// How long a message waits in one go: a queue for each, so another list makes other queues. The
    /// shortest is how late a retry may be. Ascending. Default: 1 s, 5 s, 30 s, 2 min, 10 min, 1 h.
    pub waits: Vec<Duration>,
}

/// Why a URL names no broker. It repeats nothing of the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RabbitUrlError {
    /// It cannot be read.
    #[error(
        "it is not `amqp://user:password@host:port/vhost`; characters such as @, : and / in a password or a virtual host are percent-encoded"
    )]
    Malformed,
    /// There is a user and no password, or the other way round.
    #[error("it has a user without a password, or a password without a user")]
    HalfLogIn,
    /// Something after a question mark.
    #[error("it has no options: what else can be set stands in the section [rabbitmq]")]
    Option,
}

impl RabbitConfig {
    /// What `amqp://…` or `amqps://…` says, with the defaults for the rest; the module's documentation has
    /// the forms.
    ///
    /// # Errors
    /// Says what is wrong without repeating any of it.
    pub fn from_url(url: &SecretString) -> Result<Self, RabbitUrlError> {
        let url = Url::parse(url.expose_secret()).map_err(|_| RabbitUrlError::Malformed)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(RabbitUrlError::Malformed)?;
        let (tls, port) = match url.scheme() {
            "amqp" => (false, 5672),
            "amqps" => (true, 5671),
            _ => return Err(RabbitUrlError::Malformed),
        };
        if url.query().is_some() {
            return Err(RabbitUrlError::Option);
        }
        let path = url.path().trim_start_matches('/');
        if url.fragment().is_some() || path.contains('/') {
            return Err(RabbitUrlError::Malformed);
        }
        let (user, password) = match (url.username(), url.password()) {
            // What a broker begins with; it lets them in from its own machine only.
            ("", None) => ("guest".to_owned(), "guest".to_owned()),
            ("", Some(_)) | (_, None) => return Err(RabbitUrlError::HalfLogIn),
            (user, Some(password)) => (decoded(user)?, decoded(password)?),
        };
        let vhost = if path.is_empty() { "/".to_owned() } else { decoded(path)? };
        if vhost.len() > LONGEST_NAME {
            return Err(RabbitUrlError::Malformed);
        }
        Ok(Self {
            // An IPv6 address stands in brackets in a URL, and nowhere else.
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port().unwrap_or(port),
            tls,
            user,
            password: password.into(),
            vhost,
            prefix: "moodify".to_owned(),
            authorities: None,
            timeout: TIMEOUT,
            waits: WAITS.to_vec(),
        })
    }
}

fn decoded(text: &str) -> Result<String, RabbitUrlError> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| RabbitUrlError::Malformed)?;
    if text.contains(char::is_control) { Err(RabbitUrlError::Malformed) } else { Ok(text.into_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<RabbitConfig, RabbitUrlError> {
        RabbitConfig::from_url(&url.to_owned().into())
    }

    #[test]
    fn a_url_says_all_of_it() {
        let config = parse("amqp://ada%40x:se%3Acret%2F@mq.example.org/pro%2Fd").unwrap();
        assert_eq!((config.host.as_str(), config.port, config.tls), ("mq.example.org", 5672, false));
        assert_eq!((config.user.as_str(), config.vhost.as_str()), ("ada@x", "pro/d"));
        assert_eq!(config.password.expose_secret(), "se:cret/");
        assert!(!format!("{config:?}").contains("se:cret"), "{config:?}");

        let config = parse("amqps://[::1]").unwrap();
        assert_eq!((config.host.as_str(), config.port, config.tls), ("::1", 5671, true));
        assert_eq!((config.user.as_str(), config.vhost.as_str()), ("guest", "/"));
        for url in ["amqp://127.0.0.1", "amqp://127.0.0.1/", "amqp://127.0.0.1:5672/%2f"] {
            let config = parse(url).unwrap();
            assert_eq!((config.host.as_str(), config.vhost.as_str()), ("127.0.0.1", "/"), "{url}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let long = format!("amqp://host/{}", "v".repeat(256));
        for (url, error) in [
            ("amqp:", RabbitUrlError::Malformed),
            ("amqp://", RabbitUrlError::Malformed),
            ("http://mq.example.org", RabbitUrlError::Malformed),
            ("amqp://mq.example.org/a/b", RabbitUrlError::Malformed),
            ("amqp://a%0d%0a:b@mq.example.org", RabbitUrlError::Malformed),
            (long.as_str(), RabbitUrlError::Malformed),
            ("amqp://ada@mq.example.org", RabbitUrlError::HalfLogIn),
            ("amqp://:secret@mq.example.org", RabbitUrlError::HalfLogIn),
            ("amqp://mq.example.org?heartbeat=5", RabbitUrlError::Option),
        ] {
            assert_eq!(parse(url).unwrap_err(), error, "{url}");
        }
    }
}
