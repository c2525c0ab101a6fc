//! `[http]`

use std::{num::NonZeroUsize, time::Duration};

use moodify_http::Origin;
use serde::Deserialize;

/// The HTTP side.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Http {
    allowed_origins: AllowedOrigins,
    /// How many proxies in front append to `X-Forwarded-For`.
    pub(crate) trusted_proxies: usize,
    max_connections: Option<NonZeroUsize>,
    max_connections_per_address: Option<NonZeroUsize>,
    drain_secs: Option<u32>,
}

impl Http {
    /// The origins whose pages may call the API.
    pub(crate) fn allowed_origins(&self) -> Vec<Origin> {
        self.allowed_origins.0.clone()
    }

    /// How many connections may be open at once. Default: half of the files that the process may
    /// have open, for a request may need one beside its connection.
    pub(crate) fn max_connections(&self, open_files: u64) -> usize {
        let half = usize::try_from(open_files / 2).unwrap_or(usize::MAX).max(1);
        self.max_connections.map_or(half, NonZeroUsize::get)
    }

    /// How many of so many connections one address may have. Default: an eighth, but enough for a
    /// household. Behind proxies there is no such limit: the addresses are theirs.
    pub(crate) fn max_connections_per_address(&self, connections: usize) -> Option<usize> {
        const HOUSEHOLD: usize = 64;
        let share = (connections / 8).max(HOUSEHOLD);
        let most = self.max_connections_per_address.map_or(share, NonZeroUsize::get);
        (self.trusted_proxies == 0).then_some(most)
    }

    /// How long requests that are under way may take once the process is asked to end. Default
    /// 25 s: ECS and Kubernetes kill after 30.
    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_secs.unwrap_or(25).into())
    }
}

/// Separated by commas or spaces, so that a variable can hold them too.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "String")]
struct AllowedOrigins(Vec<Origin>);

impl TryFrom<String> for AllowedOrigins {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let words = text.split([',', ' ']).filter(|word| !word.is_empty());
        let origins = words.map(|word| Origin::parse(word).map_err(|error| error.to_string()));
        origins.collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::{AllowedOrigins, Http};

    #[test]
    fn origins_are_a_list() {
        let origins = |text: &str| AllowedOrigins::try_from(text.to_owned()).map(|origins| origins.0.len());
        assert_eq!(origins(""), Ok(0));
        assert_eq!(origins("https://a.example, http://localhost:5173"), Ok(2));
        assert!(origins("https://a.example,*").unwrap_err().contains('*'));
    }

    #[test]
    fn one_address_gets_an_eighth_unless_it_is_a_proxys() {
        let http = |trusted_proxies, most: usize| Http {
            trusted_proxies,
            max_connections_per_address: most.try_into().ok(),
            ..Http::default()
        };
        assert_eq!(http(0, 0).max_connections_per_address(8_000), Some(1_000));
        assert_eq!(http(0, 0).max_connections_per_address(100), Some(64));
        assert_eq!(http(0, 7).max_connections_per_address(8_000), Some(7));
        assert_eq!(http(1, 0).max_connections_per_address(8_000), None);
    }
}
