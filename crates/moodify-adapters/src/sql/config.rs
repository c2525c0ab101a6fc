use std::time::Duration;

/// Which database, and how to reach it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SqlConfig {
    /// A file of this machine.
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteConfig),
    /// A server that several processes and machines share.
    #[cfg(feature = "postgres")]
    Postgres(PostgresConfig),
}

/// A SQLite database.
#[cfg(feature = "sqlite")]
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    /// The database file. It is made if it is missing, with its folder, readable by its owner
    /// alone. On a disk of this machine: SQLite's locks do not work on network file systems.
    pub path: std::path::PathBuf,
    /// How many reads may run at once. Default 4; each connection costs up to 2 MiB and a thread,
    /// is opened when it is needed and closed after 10 idle minutes.
    pub max_readers: u32,
    /// How long a write waits for another process to finish its own. Default 5 s.
    pub busy_timeout: Duration,
}

#[cfg(feature = "sqlite")]
impl SqliteConfig {
    /// The defaults for this file.
    pub fn new(path: impl Into<std::path::PathBuf>) -> Self {
        Self { path: path.into(), max_readers: 4, busy_timeout: Duration::from_secs(5) }
    }
}

#[cfg(feature = "sqlite")]
impl From<SqliteConfig> for SqlConfig {
    fn from(config: SqliteConfig) -> Self {
        Self::Sqlite(config)
    }
}

/// A PostgreSQL database.
#[cfg(feature = "postgres")]
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// `postgres://user:password@host:5432/database`. What it may also say is in the module's
    /// documentation.
    pub url: secrecy::SecretString,
    /// How many calls may run at once. Default 10; a connection is opened when it is needed and
    /// closed after 10 idle minutes. The sum over all processes must stay below the server's own
    /// `max_connections`.
    pub max_connections: u32,
    /// How long a call waits for a free connection, and for a new one to be opened. Default 5 s.
    pub connect_timeout: Duration,
    /// How long one statement may take, with what it waits for. Default 15 s.
    pub statement_timeout: Duration,
}

#[cfg(feature = "postgres")]
impl PostgresConfig {
    /// The defaults for this address.
    pub fn new(url: impl Into<secrecy::SecretString>) -> Self {
        Self {
            url: url.into(),
            max_connections: 10,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(15),
        }
    }
}

#[cfg(feature = "postgres")]
impl From<PostgresConfig> for SqlConfig {
    fn from(config: PostgresConfig) -> Self {
        Self::Postgres(config)
    }
}
