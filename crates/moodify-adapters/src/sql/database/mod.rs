//! The one place that knows which database it is. Everything above speaks [`Statement`] and
//! [`Row`]; `docs/adr/0002-one-sql-for-two-databases.md` says why.

mod row;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statement;

pub(super) use row::Row;
pub(super) use statement::{Statement, Value};

use super::config::SqlConfig;
use super::error::{Fault, SqlConnectError};

/// Connections to one database.
pub(super) enum Database {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Sqlite),
}

impl Database {
    pub(super) async fn connect(config: &SqlConfig) -> Result<Self, SqlConnectError> {
        match config {
            #[cfg(feature = "sqlite")]
            SqlConfig::Sqlite(config) => sqlite::Sqlite::connect(config).await.map(Self::Sqlite),
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
        }
    }

    /// Begins an atomic step. Dropped without [`Transaction::commit`], it never happened.
    pub(super) async fn begin(&self) -> Result<Transaction, Fault> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => Ok(Transaction::Sqlite(sqlite.begin().await?)),
        }
    }

    /// One writing statement that is an atomic step of its own. Returns how many rows it changed.
    pub(super) async fn run(&self, statement: Statement) -> Result<u64, Fault> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => {
                Ok(sqlite::query(statement).execute(sqlite.writer()).await?.rows_affected())
            }
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
        }
    }

    /// Waits for what is under way, then closes every connection.
    pub(super) async fn close(&self) {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.close().await,
        }
    }
}

/// An atomic step under way.
pub(super) enum Transaction {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
}

impl Transaction {
    /// All rows that a statement reads or returns.
    pub(super) async fn all(&mut self, statement: Statement) -> Result<Vec<Row>, Fault> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => {
                let rows = sqlite::query(statement).fetch_all(&mut **transaction).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
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
        }
    }

    /// Makes the step durable.
    pub(super) async fn commit(self) -> Result<(), Fault> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => Ok(transaction.commit().await?),
        }
    }
}
