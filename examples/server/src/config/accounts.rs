//! `[accounts]`

use std::{
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use moodify_core::{config::AccountsConfig, model::Password};
use serde::Deserialize;
use url::Url;

use super::seconds;

/// Identity settings. What is not set has the default of [`AccountsConfig`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Accounts {
    min_password_length: Option<MinPasswordLength>,
    access_token_ttl_secs: Option<NonZeroU32>,
    refresh_idle_ttl_secs: Option<NonZeroU32>,
    refresh_max_ttl_secs: Option<NonZeroU32>,
    refresh_grace_secs: Option<u32>,
    refusal_ms: Option<u32>,
    hash_parallelism: Option<NonZeroUsize>,
    hash_queue: Option<usize>,
    jwks_url: Option<JwksUrl>,
}

impl Accounts {
    /// Where the auth service publishes its keys, if somebody said so.
    pub(crate) fn jwks_url(&self) -> Option<&Url> {
        self.jwks_url.as_ref().map(|url| &url.0)
    }

    /// The typed configuration.
    pub(crate) fn config(&self) -> AccountsConfig {
        let default = AccountsConfig::default();
        AccountsConfig {
            min_password_length: self
                .min_password_length
                .as_ref()
                .map_or(default.min_password_length, |n| n.0),
            access_token_ttl: seconds(self.access_token_ttl_secs, default.access_token_ttl),
            refresh_idle_ttl: seconds(self.refresh_idle_ttl_secs, default.refresh_idle_ttl),
            refresh_max_ttl: seconds(self.refresh_max_ttl_secs, default.refresh_max_ttl),
            refresh_grace: self
                .refresh_grace_secs
                .map_or(default.refresh_grace, |secs| Duration::from_secs(secs.into())),
            refusal_time: self.refusal_ms.map_or(default.refusal_time, |ms| Duration::from_millis(ms.into())),
            hash_parallelism: self.hash_parallelism.map_or(default.hash_parallelism, NonZeroUsize::get),
            hash_queue: self.hash_queue.unwrap_or(default.hash_queue),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct JwksUrl(Url);

impl TryFrom<String> for JwksUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let url = Url::parse(&text).ok().filter(|url| {
            let plain = url.username().is_empty() && url.password().is_none();
            matches!(url.scheme(), "http" | "https") && url.host().is_some() && plain
        });
        url.map(Self).ok_or("an address such as http://auth.internal:8080/.well-known/jwks.json is expected")
    }
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "usize")]
struct MinPasswordLength(usize);

impl MinPasswordLength {
    /// Below this a password is no protection (NIST 800-63B-4, 3.1.1.2).
    const FLOOR: usize = 8;
}

impl TryFrom<usize> for MinPasswordLength {
    type Error = String;

    fn try_from(length: usize) -> Result<Self, String> {
        let allowed = Self::FLOOR..=Password::MAX_CHARS;
        if allowed.contains(&length) {
            Ok(Self(length))
        } else {
            Err(format!("a number from {} to {} is expected", allowed.start(), allowed.end()))
        }
    }
}
