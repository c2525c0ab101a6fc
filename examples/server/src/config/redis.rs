//! `[redis]`

use std::{num::NonZeroU32, path::PathBuf};

use serde::{Deserialize, Deserializer, de::Error};

/// How a Redis server is used, if `sync` names one. What is not set has the default of the adapter.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Redis {
    #[serde(deserialize_with = "prefix")]
    prefix: Option<String>,
    timeout_secs: Option<NonZeroU32>,
    lease_secs: Option<NonZeroU32>,
    ca_file: Option<PathBuf>,
}

/// Letters, digits, `-` and `_`: names are put together with colons, and access control lists with patterns.
fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let prefix = String::deserialize(deserializer)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if (1..=64).contains(&prefix.len()) && prefix.chars().all(plain) {
        Ok(Some(prefix))
    } else {
        Err(D::Error::custom("1 to 64 letters, digits, - or _ are expected"))
    }
}

#[cfg(feature = "redis")]
mod typed {
    use moodify_adapters::redis::RedisConfig;

    use super::Redis;
    use crate::{
        config::{read_authorities, seconds},
        failure::Failure,
    };

    impl Redis {
        /// The typed configuration of this server.
        ///
        /// # Errors
        /// If the authorities cannot be read.
        pub(crate) fn config(&self, server: RedisConfig) -> Result<RedisConfig, Failure> {
            Ok(RedisConfig {
                prefix: self.prefix.clone().unwrap_or(server.prefix),
                authorities: read_authorities("redis.ca_file", self.ca_file.as_deref())?,
                timeout: seconds(self.timeout_secs, server.timeout),
                lease: seconds(self.lease_secs, server.lease),
                ..server
            })
        }
    }
}
