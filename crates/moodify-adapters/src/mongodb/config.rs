use std::time::Duration;

use secrecy::SecretString;

/// A MongoDB deployment, and what is asked of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MongoConfig {
    /// `mongodb://user:password@host:27017/database?replicaSet=rs0`, or `mongodb+srv://…`. What it may also
    /// say is in the module's documentation.
    pub url: SecretString,
    /// How many connections to each server. Default 20; a connection is opened when it is needed and
    /// closed after 4 idle minutes. Two more listen for hints.
    pub max_connections: u32,
    /// How long a call looks for a server that takes writes, and for a new connection to it. Default 5 s.
    pub connect_timeout: Duration,
    /// How long one operation may take, with what it waits for. Default 15 s.
    pub operation_timeout: Duration,
}

impl MongoConfig {
    /// The defaults for this address.
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            max_connections: 20,
            connect_timeout: Duration::from_secs(5),
            operation_timeout: Duration::from_secs(15),
        }
    }
}
