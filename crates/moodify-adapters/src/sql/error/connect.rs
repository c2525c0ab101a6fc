use std::io;
use std::path::PathBuf;

use moodify_core::port::BoxError;
use sqlx::migrate::MigrateError;

use super::Fault;

/// Why a database could not be opened: what is wrong, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqlConnectError {
    /// The file or its folder cannot be made.
    #[error(
        "cannot create the database {}: {source}; check that its folder exists and that this user may \
         write to it", path.display()
    )]
    Folder {
        /// The database file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is there but cannot be read and written.
    #[error(
        "cannot open the database {} for writing: {source}; check the owner and the mode of the file and \
         its folder, and that the path is no folder itself", path.display()
    )]
    NotWritable {
        /// The database file.
        path: PathBuf,
        /// What the database said.
        source: BoxError,
    },
    /// The file is something else, or damaged.
    #[error(
        "{} is not a database, or is damaged: {source}; restore it from a backup, or name another file",
        path.display()
    )]
    NotADatabase {
        /// The database file.
        path: PathBuf,
        /// What the database said.
        source: BoxError,
    },
    /// Another process has locked the file for as long as we waited.
    #[error(
        "the database {} is locked by another process: {source}; end that process, or name another file",
        path.display()
    )]
    Locked {
        /// The database file.
        path: PathBuf,
        /// What the database said.
        source: BoxError,
    },
    /// The URL of the server cannot be understood.
    #[error("the URL of the database {problem}; write it as postgres://user:password@host:5432/database")]
    Url {
        /// What is wrong with it, without repeating any of it.
        problem: &'static str,
    },
    /// The server does not answer.
    #[error(
        "cannot reach the database {database}: {source}; check the host and the port, and that PostgreSQL \
         runs and listens there"
    )]
    Unreachable {
        /// The database, without user and password.
        database: String,
        /// What the system said.
        source: BoxError,
    },
    /// No encrypted connection could be made.
    #[error(
        "cannot speak with the database {database} in private: {source}; check sslmode and sslrootcert \
         in its URL"
    )]
    Encryption {
        /// The database, without user and password.
        database: String,
        /// What is wrong with it.
        source: BoxError,
    },
    /// The server answers, and takes nobody now.
    #[error(
        "the database {database} takes no connections now: {source}; try again when it has started or has \
         some free, or raise its max_connections"
    )]
    Busy {
        /// The database, without user and password.
        database: String,
        /// What the server said.
        source: BoxError,
    },
    /// The server refuses this user or this password.
    #[error(
        "the database {database} refuses the log-in: {source}; check the user and the password in its URL, \
         and pg_hba.conf on the server"
    )]
    LogIn {
        /// The database, without user and password.
        database: String,
        /// What the server said.
        source: BoxError,
    },
    /// The server has no database of this name.
    #[error(
        "there is no database {database}: {source}; create it, for instance with createdb, or name another one"
    )]
    Missing {
        /// The database, without user and password.
        database: String,
        /// What the server said.
        source: BoxError,
    },
    /// This user may not do in the database what must be done.
    #[error(
        "not allowed in the database {database}: {source}; grant the user CREATE on the schema, or bring the \
         database up to date as a user who may"
    )]
    Forbidden {
        /// The database, without user and password.
        database: String,
        /// What the server said.
        source: BoxError,
    },
    /// A newer Moodify has used this database.
    #[error(
        "the database {database} was used by a newer version of Moodify (its schema is at {found}, this version \
         knows up to {known}); start that version or a newer one"
    )]
    TooNew {
        /// The database, without user and password.
        database: String,
        /// The version of its schema.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// An older Moodify has used this database, and may be using it now.
    #[error(
        "the database {database} is of an older version of Moodify (its schema is at {found}, this version's \
         at {known}); end the servers of that version and run `moodify migrate`, or use the older program"
    )]
    TooOld {
        /// The database, without user and password.
        database: String,
        /// The version of its schema.
        found: i64,
        /// That of this program.
        known: i64,
    },
    /// The schema was made by a build that is no release.
    #[error(
        "the schema of the database {database} differs from this version's at step {version}: it was made by \
         another build; start that build, or name another database"
    )]
    OtherBuild {
        /// The database, without user and password.
        database: String,
        /// The step that differs.
        version: i64,
    },
    /// Anything else.
    #[error("cannot open the database {database}: {source}")]
    Other {
        /// The database, without user and password.
        database: String,
        /// What the database said.
        source: BoxError,
    },
}

impl SqlConnectError {
    #[cfg(feature = "sqlite")]
    pub(in crate::sql) fn opening_file(path: &std::path::Path, fault: Fault) -> Self {
        use super::sqlite;

        let code = sqlite::code(&fault.0);
        let (path, source) = (path.to_owned(), fault.0.into());
        match code {
            Some(sqlite::BUSY | sqlite::LOCKED) => Self::Locked { path, source },
            Some(sqlite::CORRUPT | sqlite::NOT_A_DATABASE) => Self::NotADatabase { path, source },
            Some(sqlite::READ_ONLY | sqlite::PERMISSION | sqlite::CANNOT_OPEN) => {
                Self::NotWritable { path, source }
            }
            _ => Self::Other { database: path.display().to_string(), source },
        }
    }

    #[cfg(feature = "postgres")]
    pub(in crate::sql) fn reaching_server(database: &str, fault: Fault) -> Self {
        use super::postgres;

        let state = postgres::state(&fault.0).map(str::to_owned);
        let (lost, tls) = (matches!(fault.0, sqlx::Error::Io(_)), matches!(fault.0, sqlx::Error::Tls(_)));
        let (database, source) = (database.to_owned(), fault.0.into());
        match state.as_deref() {
            Some(postgres::NO_SUCH_DATABASE) => Self::Missing { database, source },
            Some(postgres::NOT_ALLOWED | postgres::NO_SUCH_SCHEMA) => Self::Forbidden { database, source },
            Some(postgres::NOT_NOW | postgres::TOO_MANY_CONNECTIONS) => Self::Busy { database, source },
            Some(state) if state.starts_with(postgres::CLASS_LOG_IN) => Self::LogIn { database, source },
            None if lost => Self::Unreachable { database, source },
            None if tls => Self::Encryption { database, source },
            _ => Self::Other { database, source },
        }
    }

    /// `opening` says what a fault of the driver means.
    pub(in crate::sql) fn migrating(
        database: String,
        known: i64,
        error: MigrateError,
        opening: impl Fn(Fault) -> Self,
    ) -> Self {
        match error {
            MigrateError::VersionMissing(found) if found > known => Self::TooNew { database, found, known },
            MigrateError::VersionMissing(version) | MigrateError::VersionMismatch(version) => {
                Self::OtherBuild { database, version }
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => opening(Fault(error)),
            error => Self::Other { database, source: error.into() },
        }
    }
}
