//! The one place that knows which database it is. Everything above speaks [`Statement`] and
//! [`Row`]; `docs/adr/0002-one-sql-for-two-databases.md` says why.

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_claim;
#[cfg(feature = "postgres")]
mod postgres_hints;
#[cfg(feature = "postgres")]
mod postgres_url;
mod row;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statement;

pub(super) use row::Row;
pub(super) use statement::{Statement, Value};

use sqlx::migrate::Migrator;

use super::config::SqlConfig;
use super::error::{Fault, SqlConnectError};
use crate::hint::Hint;

/// What there can be news of.
#[derive(Clone, Copy)]
pub(super) enum Topic {
    Outbox,
    Queue,
}

/// Whether a schema of an older version is brought up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upgrade {
    Yes,
    No,
}

impl Upgrade {
    /// Whether a database whose schema is at `found`, if it has one, may be used.
    fn check(self, database: &str, found: Option<i64>, known: i64) -> Result<(), SqlConnectError> {
        match found {
            Some(found) if found < known && self == Self::No => {
                Err(SqlConnectError::TooOld { database: database.to_owned(), found, known })
            }
            _ => Ok(()),
        }
    }
}

/// What one process has claimed.
pub(super) enum Claim {
    #[cfg(feature = "sqlite")]
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres(postgres_claim::Kept),
}

impl Claim {
    /// Returns when another process has it.
    pub(super) async fn lost(&mut self) {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => std::future::pending().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(kept) => kept.lost().await,
        }
    }
}

/// Connections to one database.
pub(super) enum Database {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Sqlite),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Postgres),
}

impl Database {
    pub(super) async fn connect(config: &SqlConfig, upgrade: Upgrade) -> Result<Self, SqlConnectError> {
        match config {
            #[cfg(feature = "sqlite")]
            SqlConfig::Sqlite(config) => sqlite::Sqlite::connect(config, upgrade).await.map(Self::Sqlite),
            #[cfg(feature = "postgres")]
            SqlConfig::Postgres(config) => {
                postgres::Postgres::connect(config, upgrade).await.map(Self::Postgres)
            }
        }
    }

    /// See [`SqlStore::claim_role`](super::SqlStore::claim_role).
    pub(super) async fn claim_role(
        &self,
        #[cfg_attr(not(feature = "postgres"), expect(unused_variables))] role: &'static str,
    ) -> Result<Option<Claim>, Fault> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Ok(Some(Claim::Sqlite)),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => Ok(postgres.claim_role(role).await?.map(Claim::Postgres)),
        }
    }

    /// All rows of a query that reads only.
    pub(super) async fn all(&self, statement: Statement) -> Result<Vec<Row>, Fault> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => {
                let rows = sqlite::query(statement).fetch_all(sqlite.readers()).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => {
                Ok(postgres.all(statement).await?.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// The only row of a query that reads only.
    pub(super) async fn optional(&self, statement: Statement) -> Result<Option<Row>, Fault> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => {
                let row = sqlite::query(statement).fetch_optional(sqlite.readers()).await?;
                Ok(row.map(Row::Sqlite))
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => Ok(postgres.optional(statement).await?.map(Row::Postgres)),
        }
    }

    /// Begins an atomic step. Dropped without [`Transaction::commit`], it never happened.
    pub(super) async fn begin(&self) -> Result<Transaction, Fault> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => Ok(Transaction::Sqlite(sqlite.begin().await?)),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => Ok(Transaction::Postgres(postgres.begin().await?)),
        }
    }

    /// One writing statement that is an atomic step of its own. Returns how many rows it changed.
    pub(super) async fn run(&self, statement: Statement) -> Result<u64, Fault> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => {
                Ok(sqlite::query(statement).execute(sqlite.writer()).await?.rows_affected())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.run(statement).await,
        }
    }

    /// The same for a statement that returns the rows it changed.
    pub(super) async fn run_returning(&self, statement: Statement) -> Result<Vec<Row>, Fault> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => {
                let rows = sqlite::query(statement).fetch_all(sqlite.writer()).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => self.all(statement).await,
        }
    }

    /// The one hint of a topic, on all connections to this database: of every process where the database
    /// passes it on.
    pub(super) fn hint(
        &self,
        #[cfg_attr(not(feature = "postgres"), expect(unused_variables))] topic: Topic,
    ) -> Hint {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Hint::default(),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.hint(topic),
        }
    }

    /// Waits for what is under way, then closes every connection.
    pub(super) async fn close(&self) {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.close().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.close().await,
        }
    }
}

/// An atomic step under way.
pub(super) enum Transaction {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Step),
}

impl Transaction {
    /// Runs a statement whose only use is that it locks rows until the step ends, such as
    /// `SELECT … ORDER BY … FOR UPDATE`. SQLite never sees it: its one writer holds everything.
    ///
    /// Who locks rows of several tables does it in the order in which
    /// `docs/adr/0007-postgresql-beside-sqlite.md` lists them; then no two steps wait for each other.
    pub(super) async fn lock(&mut self, statement: Statement) -> Result<(), Fault> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => drop(statement),
            #[cfg(feature = "postgres")]
            Self::Postgres(step) => drop(step.all(statement).await?),
        }
        Ok(())
    }

    /// Lets no other step with this name run until this one ends: for what no row stands for.
    pub(super) async fn lock_name(&mut self, name: String) -> Result<(), Fault> {
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' ' || $1, 0))";
        self.lock(Statement::new(lock).bind(name)).await
    }

    /// All rows that a statement reads or returns.
    pub(super) async fn all(&mut self, statement: Statement) -> Result<Vec<Row>, Fault> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => {
                let rows = sqlite::query(statement).fetch_all(&mut **transaction).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(step) => Ok(step.all(statement).await?.into_iter().map(Row::Postgres).collect()),
        }
    }

    /// The only row that a statement reads or returns.
    pub(super) async fn optional(&mut self, statement: Statement) -> Result<Option<Row>, Fault> {
        // To its end: a statement that is left half-way may not have done all its work.
        Ok(self.all(statement).await?.pop())
    }

    /// Runs a statement. Returns how many rows it changed.
    pub(super) async fn run(&mut self, statement: Statement) -> Result<u64, Fault> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => {
                Ok(sqlite::query(statement).execute(&mut **transaction).await?.rows_affected())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(step) => step.run(statement).await,
        }
    }

    /// Makes the step durable.
    pub(super) async fn commit(self) -> Result<(), Fault> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => Ok(transaction.commit().await?),
            #[cfg(feature = "postgres")]
            Self::Postgres(step) => step.commit().await,
        }
    }
}

/// The version of the newest schema that this program knows.
fn newest(migrations: &Migrator) -> i64 {
    migrations.iter().map(|migration| migration.version).max().unwrap_or(0)
}
