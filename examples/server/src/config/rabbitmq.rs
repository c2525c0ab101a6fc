//! `[rabbitmq]`

use std::{num::NonZeroU32, path::PathBuf};

use serde::{Deserialize, Deserializer, de::Error};

/// How a broker is used, if `queue` names one. What is not set has the default of the adapter.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RabbitMq {
    #[serde(deserialize_with = "prefix")]
    prefix: Option<String>,
    timeout_secs: Option<NonZeroU32>,
    ca_file: Option<PathBuf>,
}

/// Letters, digits, `-` and `_`: names are put together with dots, and have 255 bytes at most.
fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let prefix = String::deserialize(deserializer)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if (1..=64).contains(&prefix.len()) && prefix.chars().all(plain) {
        Ok(Some(prefix))
    } else {
        Err(D::Error::custom("1 to 64 letters, digits, - or _ are expected"))
    }
}

#[cfg(feature = "rabbitmq")]
mod typed {
    use moodify_adapters::rabbitmq::RabbitConfig;

    use super::RabbitMq;
    use crate::{
        config::{read_authorities, seconds},
        failure::Failure,
    };

    impl RabbitMq {
        /// The typed configuration of this broker.
        ///
        /// # Errors
        /// If the authorities cannot be read.
        pub(crate) fn config(&self, broker: RabbitConfig) -> Result<RabbitConfig, Failure> {
            Ok(RabbitConfig {
                prefix: self.prefix.clone().unwrap_or(broker.prefix),
                authorities: read_authorities("rabbitmq.ca_file", self.ca_file.as_deref())?,
                timeout: seconds(self.timeout_secs, broker.timeout),
                ..broker
            })
        }
    }
}
