//! `[mongodb]`

use std::num::NonZeroU32;

use serde::Deserialize;

/// What is asked of a MongoDB database, if `database` or `sync` names one. What is not set has the default of the
/// adapter.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mongodb {
    max_connections: Option<NonZeroU32>,
    connect_timeout_secs: Option<NonZeroU32>,
    operation_timeout_secs: Option<NonZeroU32>,
    sync_timeout_secs: Option<NonZeroU32>,
    sync_lease_secs: Option<NonZeroU32>,
}

#[cfg(feature = "mongodb")]
impl Mongodb {
    /// The typed configuration of the database at this address.
    pub(crate) fn config(&self, address: &super::Address) -> moodify_adapters::mongodb::MongoConfig {
        let mut config = moodify_adapters::mongodb::MongoConfig::new(address.secret());
        config.max_connections = self.max_connections.map_or(config.max_connections, NonZeroU32::get);
        config.connect_timeout = super::seconds(self.connect_timeout_secs, config.connect_timeout);
        config.operation_timeout = super::seconds(self.operation_timeout_secs, config.operation_timeout);
        config
    }

    /// How processes share playback over it.
    pub(crate) fn sync_config(&self) -> moodify_adapters::mongodb::MongoSyncConfig {
        let default = moodify_adapters::mongodb::MongoSyncConfig::default();
        moodify_adapters::mongodb::MongoSyncConfig {
            timeout: super::seconds(self.sync_timeout_secs, default.timeout),
            lease: super::seconds(self.sync_lease_secs, default.lease),
        }
    }
}
