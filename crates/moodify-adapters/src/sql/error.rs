use std::io;
use std::path::{Path, PathBuf};

use moodify_core::port::{
    BoxError, CatalogError, KeyStoreError, OutboxError, QueueError, RecipientStoreError, SendLogError,
    Unavailable, UserStoreError,
};
use sqlx::migrate::MigrateError;

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
    /// A newer Moodify has used this database.
    #[error(
        "the database {} was used by a newer version of Moodify (its schema is at {found}, this version \
         knows up to {known}); start that version or a newer one", path.display()
    )]
    TooNew {
        /// The database file.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The schema was made by a build that is no release.
    #[error(
        "the schema of the database {} differs from this version's at step {version}: it was made by \
         another build; start that build, or name another file", path.display()
    )]
    OtherBuild {
        /// The database file.
        path: PathBuf,
        /// The step that differs.
        version: i64,
    },
    /// Anything else.
    #[error("cannot open the database {}: {source}", path.display())]
    Other {
        /// The database file.
        path: PathBuf,
        /// What the database said.
        source: BoxError,
    },
}

impl SqlConnectError {
    pub(super) fn opening(path: &Path, fault: Fault) -> Self {
        let path = path.to_owned();
        let code = fault.sqlite_code();
        let source = fault.0.into();
        match code {
            Some(sqlite::BUSY | sqlite::LOCKED) => Self::Locked { path, source },
            Some(sqlite::CORRUPT | sqlite::NOT_A_DATABASE) => Self::NotADatabase { path, source },
            Some(sqlite::READ_ONLY | sqlite::PERMISSION | sqlite::CANNOT_OPEN) => {
                Self::NotWritable { path, source }
            }
            _ => Self::Other { path, source },
        }
    }

    pub(super) fn migrating(path: &Path, known: i64, error: MigrateError) -> Self {
        let path = path.to_owned();
        match error {
            MigrateError::VersionMissing(found) if found > known => Self::TooNew { path, found, known },
            MigrateError::VersionMissing(version) | MigrateError::VersionMismatch(version) => {
                Self::OtherBuild { path, version }
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                Self::opening(&path, Fault(error))
            }
            error => Self::Other { path, source: error.into() },
        }
    }
}

/// Result codes (<https://sqlite.org/rescode.html>), without their extensions.
mod sqlite {
    pub(super) const PERMISSION: u8 = 3;
    pub(super) const BUSY: u8 = 5;
    pub(super) const LOCKED: u8 = 6;
    pub(super) const OUT_OF_MEMORY: u8 = 7;
    pub(super) const READ_ONLY: u8 = 8;
    pub(super) const INTERRUPTED: u8 = 9;
    pub(super) const IO: u8 = 10;
    pub(super) const CORRUPT: u8 = 11;
    pub(super) const DISK_FULL: u8 = 13;
    pub(super) const CANNOT_OPEN: u8 = 14;
    pub(super) const PROTOCOL: u8 = 15;
    pub(super) const NOT_A_DATABASE: u8 = 26;
}

/// What the driver reported.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Fault(#[from] sqlx::Error);

impl Fault {
    /// This column holds what no version of ours wrote there.
    pub(super) fn stored(column: &str) -> Self {
        let source = "the database holds a value that Moodify never stores".into();
        Self(sqlx::Error::ColumnDecode { index: column.to_owned(), source })
    }

    /// A value that cannot be stored.
    pub(super) fn encode(source: impl Into<BoxError>) -> Self {
        Self(sqlx::Error::Encode(source.into()))
    }

    pub(super) fn is_missing_parent(&self) -> bool {
        self.0.as_database_error().is_some_and(|error| error.is_foreign_key_violation())
    }

    #[cfg(feature = "sqlite")]
    pub(super) fn is_busy(&self) -> bool {
        self.sqlite_code() == Some(sqlite::BUSY)
    }

    fn sqlite_code(&self) -> Option<u8> {
        let error = self.0.as_database_error()?;
        error.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
        let extended: u32 = error.code()?.parse().ok()?;
        u8::try_from(extended & 0xff).ok()
    }

    fn may_pass(&self) -> bool {
        match &self.0 {
            sqlx::Error::Database(_) => matches!(
                self.sqlite_code(),
                Some(
                    sqlite::BUSY
                        | sqlite::LOCKED
                        | sqlite::OUT_OF_MEMORY
                        | sqlite::INTERRUPTED
                        | sqlite::IO
                        | sqlite::DISK_FULL
                        | sqlite::PROTOCOL
                )
            ),
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => true,
            _ => false,
        }
    }
}

impl From<Fault> for Unavailable {
    fn from(fault: Fault) -> Self {
        if fault.may_pass() { Self::passing(fault.0) } else { Self::lasting(fault.0) }
    }
}

macro_rules! unavailable {
    ($($error:ty),*) => {$(
        impl From<Fault> for $error {
            fn from(fault: Fault) -> Self {
                Self::Unavailable(fault.into())
            }
        }
    )*};
}

unavailable!(
    CatalogError,
    KeyStoreError,
    OutboxError,
    QueueError,
    RecipientStoreError,
    SendLogError,
    UserStoreError
);
