use std::path::PathBuf;
use std::time::Duration;

/// Which database, and how to reach it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SqlConfig {
    /// A file of this machine.
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteConfig),
}

/// A SQLite database.
#[cfg(feature = "sqlite")]
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    /// The database file. It is made if it is missing, with its folder, readable by its owner
    /// alone. On a disk of this machine: SQLite's locks do not work on network file systems.
    pub path: PathBuf,
    /// How many reads may run at once. Default 4; each connection costs up to 2 MiB and a thread,
    /// is opened when it is needed and closed after 10 idle minutes.
    pub max_readers: u32,
    /// How long a write waits for another process to finish its own. Default 5 s.
    pub busy_timeout: Duration,
}

#[cfg(feature = "sqlite")]
impl SqliteConfig {
    /// The defaults for this file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), max_readers: 4, busy_timeout: Duration::from_secs(5) }
    }
}

#[cfg(feature = "sqlite")]
impl From<SqliteConfig> for SqlConfig {
    fn from(config: SqliteConfig) -> Self {
        Self::Sqlite(config)
    }
}
