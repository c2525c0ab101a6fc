//! Opening PostgreSQL, and speaking with it.

use std::future::Future;
use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migrator};
use sqlx::pool::PoolConnectionMetadata;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row as _, TypeInfo, ValueRef};

use super::postgres_claim::Kept;
use super::postgres_hints::Hints;
use super::{Statement, Topic, Upgrade, Value, newest, postgres_url};
use crate::hint::Hint;
use crate::sql::config::PostgresConfig;
use crate::sql::error::{Fault, SqlConnectError};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// The server ends a statement that takes too long; a server that says nothing for so much longer is
/// taken for lost.
const GRACE: Duration = Duration::from_secs(2);
/// How long a connection that was left in the middle of something has to find its feet.
const RECOVERY: Duration = Duration::from_secs(2);
/// A connection that lay idle for longer is asked whether it still stands before it is used.
const TRUSTED: Duration = Duration::from_secs(1);

/// Connections that any call may use.
pub(in crate::sql) struct Postgres {
    options: Box<PgConnectOptions>,
    pool: PgPool,
    hints: Hints,
    patience: Duration,
}

impl Postgres {
    pub(super) async fn connect(config: &PostgresConfig, upgrade: Upgrade) -> Result<Self, SqlConnectError> {
        let options = options(config)?;
        let database = shown(&options);
        let failed = |fault| SqlConnectError::reaching_server(&database, fault);
        // Not from the pool: that would try again until its time is over, whatever the reason.
        let mut connection = within(config.connect_timeout, options.connect()).await.map_err(failed)?;
        let known = newest(&MIGRATIONS);
        let refused = |error| SqlConnectError::migrating(database.clone(), known, error, failed);
        let applied = applied(&mut connection).await.map_err(refused)?;
        upgrade.check(&database, applied.iter().map(|applied| applied.version).max(), known)?;
        migrate(&mut connection, &applied).await.map_err(refused)?;
        let pool = pool_options(config).connect_lazy_with(options.clone());
        let hints = Hints::start(&mut connection, options.clone(), pool.clone()).await;
        let hints = hints.map_err(|error| failed(error.into()))?;
        connection.close().await.map_err(|error| failed(error.into()))?;
        // Also the wait for a connection.
        let patience = config.connect_timeout + config.statement_timeout + GRACE;
        Ok(Self { options: Box::new(options), pool, hints, patience })
    }

    pub(super) async fn claim_role(&self, name: &'static str) -> Result<Option<Kept>, Fault> {
        Kept::take(*self.options.clone(), name).await
    }

    pub(super) async fn all(&self, statement: Statement) -> Result<Vec<PgRow>, Fault> {
        within(self.patience, query(statement).fetch_all(&self.pool)).await
    }

    pub(super) async fn optional(&self, statement: Statement) -> Result<Option<PgRow>, Fault> {
        within(self.patience, query(statement).fetch_optional(&self.pool)).await
    }

    pub(super) async fn run(&self, statement: Statement) -> Result<u64, Fault> {
        Ok(within(self.patience, query(statement).execute(&self.pool)).await?.rows_affected())
    }

    pub(super) async fn begin(&self) -> Result<Step, Fault> {
        let transaction = within(self.patience, self.pool.begin()).await?;
        Ok(Step { transaction, patience: self.patience })
    }

    pub(super) fn hint(&self, topic: Topic) -> Hint {
        self.hints.of(topic)
    }

    pub(super) async fn close(&self) {
        self.hints.stop();
        self.pool.close().await;
    }
}

/// A transaction whose every statement has its time.
pub(in crate::sql) struct Step {
    transaction: sqlx::Transaction<'static, sqlx::Postgres>,
    patience: Duration,
}

impl Step {
    pub(super) async fn all(&mut self, statement: Statement) -> Result<Vec<PgRow>, Fault> {
        within(self.patience, query(statement).fetch_all(&mut *self.transaction)).await
    }

    pub(super) async fn run(&mut self, statement: Statement) -> Result<u64, Fault> {
        Ok(within(self.patience, query(statement).execute(&mut *self.transaction)).await?.rows_affected())
    }

    pub(super) async fn commit(self) -> Result<(), Fault> {
        within(self.patience, self.transaction.commit()).await
    }
}

/// The driver's form of a statement.
fn query(statement: Statement) -> Query<'static, sqlx::Postgres, PgArguments> {
    let mut sql = statement.sql;
    if let Some(end) = statement.skips_locked {
        sql.to_mut().insert_str(end, " FOR UPDATE SKIP LOCKED");
    }
    #[cfg(test)]
    if statement.explained {
        sql.to_mut().insert_str(0, "EXPLAIN ");
    }
    let query = sqlx::query(AssertSqlSafe(sql)).persistent(statement.reusable);
    statement.values.into_iter().fold(query, |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    })
}

/// An integer. PostgreSQL gives literals and truths types of their own where SQLite has integers only.
pub(super) fn optional_int(row: &PgRow, column: &str) -> sqlx::Result<Option<i64>> {
    Ok(match row.try_get_raw(column)?.type_info().name() {
        "INT4" => row.try_get::<Option<i32>, _>(column)?.map(i64::from),
        "BOOL" => row.try_get::<Option<bool>, _>(column)?.map(i64::from),
        _ => row.try_get(column)?,
    })
}

/// What does not end in time is given up, as a lost connection is.
pub(super) async fn within<T>(
    patience: Duration,
    call: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Fault> {
    tokio::time::timeout(patience, call).await.map_err(|_| Fault::timed_out())?.map_err(Fault::from)
}

fn options(config: &PostgresConfig) -> Result<PgConnectOptions, SqlConnectError> {
    let options = postgres_url::parse(config.url.expose_secret())?;
    let milliseconds = |duration: Duration| duration.as_millis().to_string();
    let application = options.get_application_name().unwrap_or("moodify").to_owned();
    let settings = [
        // Our statements are written for this, whatever the operator's default is.
        ("default_transaction_isolation", "read committed".to_owned()),
        ("statement_timeout", milliseconds(config.statement_timeout)),
        // What a process that died or hangs holds is free again after so long.
        ("idle_in_transaction_session_timeout", milliseconds(config.statement_timeout * 2)),
    ];
    Ok(options.application_name(&application).options(settings).disable_statement_logging())
}

/// A database as it may be shown: without user, password and options.
fn shown(options: &PgConnectOptions) -> String {
    let name = options.get_database().unwrap_or(options.get_username());
    match options.get_socket() {
        Some(folder) => format!("{name} at {}", folder.display()),
        None => format!("postgres://{}:{}/{name}", options.get_host(), options.get_port()),
    }
}

fn pool_options(config: &PostgresConfig) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(config.max_connections.max(1))
        .acquire_timeout(config.connect_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, found| Box::pin(stands(connection, found)))
        .after_release(|connection, _| Box::pin(recovers(connection)))
}

/// Whether a connection from the pool can be used. One that fails here is replaced.
async fn stands(connection: &mut PgConnection, found: PoolConnectionMetadata) -> sqlx::Result<bool> {
    Ok(found.idle_for < TRUSTED || answers(connection).await.is_ok())
}

/// Waits for the rollback of a dropped transaction, and for what a dropped call left unread. The
/// driver does so too, but waits for ever if the server has vanished without a word, and a few of
/// these would be the whole pool.
async fn recovers(connection: &mut PgConnection) -> sqlx::Result<bool> {
    answers(connection).await.map(|()| true)
}

async fn answers(connection: &mut PgConnection) -> sqlx::Result<()> {
    tokio::time::timeout(RECOVERY, connection.ping()).await.map_err(|_| sqlx::Error::PoolTimedOut)?
}

/// Brings the schema up to date, if it is not. Of several processes that start at once one does it,
/// and the others wait for it.
async fn migrate(connection: &mut PgConnection, applied: &[AppliedMigration]) -> Result<(), MigrateError> {
    // A user who may not create anything can run on a database that somebody else keeps up to date.
    if is_up_to_date(applied)? {
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    transaction.execute("SET LOCAL statement_timeout = 0").await?;
    // Of this schema: several may lie in one database.
    transaction
        .execute("SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' migrations', 0))")
        .await?;
    let mut migrator = Migrator { migrations: MIGRATIONS.migrations.clone(), ..Migrator::DEFAULT };
    // The driver's own lock is one of the whole database, and outlives the transaction.
    migrator.set_locking(false);
    migrator.run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await?;
    Ok(())
}

/// What has been done to the schema; nothing if it is new.
async fn applied(connection: &mut PgConnection) -> Result<Vec<AppliedMigration>, MigrateError> {
    let table = "SELECT 1 FROM pg_catalog.pg_class WHERE oid = to_regclass('_sqlx_migrations')";
    if connection.fetch_optional(table).await?.is_none() {
        return Ok(Vec::new());
    }
    connection.list_applied_migrations("_sqlx_migrations").await
}

fn is_up_to_date(applied: &[AppliedMigration]) -> Result<bool, MigrateError> {
    // Said before anything is tried that this user may not be allowed to do.
    if let Some(newer) = applied.iter().find(|applied| applied.version > newest(&MIGRATIONS)) {
        return Err(MigrateError::VersionMissing(newer.version));
    }
    let wanted = MIGRATIONS.iter().map(|migration| (migration.version, &migration.checksum));
    Ok(applied.iter().map(|applied| (applied.version, &applied.checksum)).eq(wanted))
}
