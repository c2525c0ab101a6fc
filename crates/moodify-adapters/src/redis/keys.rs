//! The names of all keys and channels.

use moodify_core::model::AccountId;
use uuid::Uuid;

/// Below one prefix.
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// Hash of a listener: `run`, `version`, `state`, and up to where its commands are in the archive.
    pub(super) fn state(&self, account: AccountId) -> String {
        self.of("state", account)
    }

    /// Hash of a listener's devices, by their ids.
    pub(super) fn devices(&self, account: AccountId) -> String {
        self.of("devices", account)
    }

    /// Hash of a listener's commands, by their keys.
    pub(super) fn commands(&self, account: AccountId) -> String {
        self.of("commands", account)
    }

    /// The same commands in the order they were applied.
    pub(super) fn order(&self, account: AccountId) -> String {
        self.of("order", account)
    }

    /// Hash of a listener's connections, by their ids and leases.
    pub(super) fn online(&self, account: AccountId) -> String {
        self.of("online", account)
    }

    /// The channel of a listener's hints.
    pub(super) fn hints(&self, account: AccountId) -> String {
        self.of("hints", account)
    }

    /// Whose channel that is.
    pub(super) fn listener(&self, channel: &str) -> Option<AccountId> {
        let account = channel.strip_prefix(&self.prefix)?.strip_prefix(":hints:")?;
        account.parse::<Uuid>().ok().map(AccountId::from)
    }

    /// Set of the listeners that have connections under a lease.
    pub(super) fn attendance(&self, lease: impl std::fmt::Display) -> String {
        format!("{}:lease:{lease}", self.prefix)
    }

    /// The leases that run, by their ends.
    pub(super) fn leases(&self) -> String {
        format!("{}:leases", self.prefix)
    }

    /// The leases that ended, by when somebody may tidy up after them.
    pub(super) fn lapsed(&self) -> String {
        format!("{}:lapsed", self.prefix)
    }

    /// The listeners that the archive does not know all of, by when they changed last.
    pub(super) fn dirty(&self) -> String {
        format!("{}:dirty", self.prefix)
    }

    /// The listeners that the archive has to forget.
    pub(super) fn forgotten(&self) -> String {
        format!("{}:forgotten", self.prefix)
    }

    /// Which process writes to the archive.
    pub(super) fn archivist(&self) -> String {
        format!("{}:archivist", self.prefix)
    }

    /// A process: its channel, and what it tries.
    pub(super) fn process(&self, process: Uuid) -> String {
        format!("{}:process:{process}", self.prefix)
    }

    /// Somebody who has ended.
    pub(super) fn ended(&self, who: Uuid) -> String {
        format!("{}:ended:{who}", self.prefix)
    }

    fn of(&self, what: &str, account: AccountId) -> String {
        format!("{}:{what}:{account}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_tells_its_listener() {
        let (keys, account) = (Keys::new("a"), AccountId::from(Uuid::from_u128(7)));
        assert_eq!(keys.listener(&keys.hints(account)), Some(account));
        for other in [Keys::new("b").hints(account), "a:hints:x".to_owned(), keys.state(account)] {
            assert_eq!(keys.listener(&other), None, "{other}");
        }
    }
}
