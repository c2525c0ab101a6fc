//! `[databases]`

use moodify_core::Services;
use serde::Deserialize;

use super::Address;

/// Databases of the services' own, for who runs them apart.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Databases {
    auth: Option<Address>,
    music: Option<Address>,
    notification: Option<Address>,
    sync: Option<Address>,
}

impl Databases {
    /// That of this service, if it has one of its own; several have none together.
    pub(crate) fn of(&self, services: Services) -> Option<&Address> {
        match services {
            Services::AUTH => self.auth.as_ref(),
            Services::MUSIC => self.music.as_ref(),
            Services::NOTIFICATION => self.notification.as_ref(),
            Services::SYNC => self.sync.as_ref(),
            _ => None,
        }
    }

    /// A service that has one, by name.
    pub(crate) fn first(&self) -> Option<&'static str> {
        let all = [
            ("auth", &self.auth),
            ("music", &self.music),
            ("notification", &self.notification),
            ("sync", &self.sync),
        ];
        all.into_iter().find_map(|(name, address)| address.as_ref().map(|_| name))
    }
}
