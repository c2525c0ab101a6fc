//! Opening and tuning SQLite.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::Path;
use std::time::Duration;

use moodify_core::model::PageSize;
use sqlx::migrate::Migrator;
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Transaction};

use super::{Statement, Upgrade, Value, newest};
use crate::sql::config::SqliteConfig;
use crate::sql::error::{Fault, SqlConnectError};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a call waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);

/// One connection that writes and a few that read beside it.
///
/// SQLite has one writer at a time. Queuing for it here is fair; inside SQLite it is a race of
/// sleeping and trying again.
pub(in crate::sql) struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Sqlite {
    pub(super) async fn connect(config: &SqliteConfig, upgrade: Upgrade) -> Result<Self, SqlConnectError> {
        create_file(&config.path)?;
        let failed = |fault| SqlConnectError::opening_file(&config.path, fault);
        let options = options(config);
        // The writer's connection never idles out: opening it again would cost the next write.
        let writer = pool_options(1).min_connections(1).idle_timeout(None).max_lifetime(None);
        let writer = writer.before_acquire(|connection, _| Box::pin(is_sound(connection)));
        let writer = writer.connect_with(options.clone()).await.map_err(|error| failed(error.into()))?;
        use_write_ahead_log(&writer).await.map_err(failed)?;
        let (database, known) = (config.path.display().to_string(), newest(&MIGRATIONS));
        let found = version(&writer).await.map_err(|error| failed(error.into()))?;
        upgrade.check(&database, found, known)?;
        let migrated = migrate(&writer).await;
        migrated.map_err(|error| SqlConnectError::migrating(database, known, error, failed))?;
        let readers = pool_options(config.max_readers.max(1)).connect_lazy_with(options);
        Ok(Self { writer, readers })
    }

    pub(super) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    pub(super) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    // IMMEDIATE: a transaction that reads first and then writes could otherwise find that another
    // process wrote in between, and could only give up.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, sqlx::Sqlite>, Fault> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    // The writer last: whoever closes last writes the log back into the database file.
    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// The driver's form of a statement.
pub(super) fn query(statement: Statement) -> Query<'static, sqlx::Sqlite, SqliteArguments> {
    #[cfg(test)]
    let statement = if statement.explained {
        Statement { sql: format!("EXPLAIN QUERY PLAN {}", statement.sql).into(), ..statement }
    } else {
        statement
    };
    let query = sqlx::query(AssertSqlSafe(statement.sql)).persistent(statement.reusable);
    statement.values.into_iter().fold(query, |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    })
}

fn options(config: &SqliteConfig) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&config.path)
        // NORMAL would do against a killed process. FULL also waits for the disk at every commit:
        // an account that was acknowledged, and with it its mail, survives a power failure.
        .synchronous(SqliteSynchronous::Full)
        // What it takes on macOS for the disk to be waited for; nothing elsewhere.
        .pragma("fullfsync", "ON")
        .foreign_keys(true)
        .busy_timeout(config.busy_timeout)
        // 2 MiB of pages per connection, as by default; the operating system caches the file.
        .pragma("cache_size", "-2000")
        .pragma("temp_store", "MEMORY")
        // A page and the row that says whether there is more: the driver's thread never waits for us to
        // take the first rows before it reads the last.
        .row_buffer_size(PageSize::MAX.get() + 2)
        // The log shrinks again after a burst of writes.
        .pragma("journal_size_limit", "16777216")
        .disable_statement_logging()
}

// Testing a connection before use is for networks.
fn pool_options(max_connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
}

/// Whether a connection is in no transaction. SQLite ends one by itself when the disk is full; the
/// driver's own rollback then fails, and it would take the connection for being inside one for
/// ever. A connection that is not sound is replaced.
async fn is_sound(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    // The rollback of a dropped transaction is still in the driver's queue: this waits for it.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Lets reads go on beside a write; the file remembers it.
///
/// This switch is the one step that SQLite does not wait with while another process holds the file:
/// of several that start on a new file, all but one are turned away at once. They wait as for any
/// write, and find it done.
async fn use_write_ahead_log(writer: &SqlitePool) -> Result<(), Fault> {
    let mut attempts = 1;
    loop {
        match writer.execute("PRAGMA journal_mode = WAL").await.map_err(Fault::from) {
            Err(fault) if fault.is_busy() && attempts < 100 => {
                writer.begin_with("BEGIN IMMEDIATE").await?.rollback().await?;
                attempts += 1;
            }
            result => return result.map(drop),
        }
    }
}

/// The driver does not lock SQLite for migrations: two processes that start at once on a new file
/// would both run them. Inside one write transaction the second waits, and finds nothing to do.
async fn migrate(writer: &SqlitePool) -> Result<(), sqlx::migrate::MigrateError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    MIGRATIONS.run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await?;
    Ok(())
}

/// At which step the schema is; `None` if the file is new.
async fn version(writer: &SqlitePool) -> Result<Option<i64>, sqlx::Error> {
    let table = "SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations'";
    if sqlx::query(table).fetch_optional(writer).await?.is_none() {
        return Ok(None);
    }
    sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(writer).await
}

/// Makes the file, readable by its owner alone because it holds keys; SQLite gives its companions
/// the same mode.
///
/// An existing file is not opened here: closing it again would drop the locks that another pool of
/// this process holds on it (POSIX `fcntl`).
fn create_file(path: &Path) -> Result<(), SqlConnectError> {
    let failed = |source: io::Error| SqlConnectError::Folder { path: path.to_owned(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(folder).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.write(true).create_new(true).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test reports by panicking")]
mod tests {
    use super::*;

    async fn fill(sqlite: &Sqlite) -> Result<(), Fault> {
        let mut transaction = sqlite.begin().await?;
        for _ in 0..100 {
            transaction.execute("INSERT INTO filler VALUES (zeroblob(1000000))").await?;
        }
        Ok(transaction.commit().await?)
    }

    #[tokio::test]
    async fn writing_goes_on_once_a_full_disk_has_room_again() {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::connect(&SqliteConfig::new(folder.path().join("moodify.db")), Upgrade::Yes)
            .await
            .unwrap();
        sqlite.writer().execute("CREATE TABLE filler (content BLOB)").await.unwrap();
        // A limit of this connection only: its successor finds room.
        sqlite.writer().execute("PRAGMA max_page_count = 1000").await.unwrap();
        assert!(fill(&sqlite).await.is_err());
        fill(&sqlite).await.unwrap();
    }
}
