#![doc = include_str!("docs.md")]

mod catalog_store;
mod config;
mod database;
mod ended;
mod error;
mod feed;
mod key_store;
mod library_store;
mod log_in_tallies;
mod outbox;
mod playback_archive;
mod playback_store;
mod queue;
mod recipient_store;
mod reclaim;
mod send_log;
mod upload_store;
mod user_store;

use std::sync::Arc;

use moodify_core::model::Event;
use moodify_core::port::Unavailable;

#[cfg(feature = "postgres")]
pub use config::PostgresConfig;
pub use config::SqlConfig;
#[cfg(feature = "sqlite")]
pub use config::SqliteConfig;
pub use error::SqlConnectError;
pub use queue::SqlQueue;

use crate::hint::Hint;
use database::{Claim, Database, Statement, Topic, Transaction, Upgrade};
use error::Fault;

/// Accounts, keys, catalogue, libraries, uploads, playback, outbox and send log in one SQL database.
pub struct SqlStore {
    database: Arc<Database>,
    appended: Hint,
    queue: SqlQueue,
}

/// A role that this process has, until it drops this or ends, however it ends.
pub struct SqlClaim(Claim);

impl SqlClaim {
    /// Returns when another process has it: that happens only after the server was away, or took this
    /// process for dead.
    pub async fn lost(&mut self) {
        self.0.lost().await;
    }
}

impl SqlStore {
    /// Opens the database, makes it if it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// [`SqlConnectError`] says what is wrong and what to do.
    pub async fn connect(config: &SqlConfig) -> Result<Self, SqlConnectError> {
        Self::open(config, Upgrade::Yes).await
    }

    /// The same for who comes beside others, such as a tool beside a server: a new database is made, but
    /// one of an older version is left as it is, for processes of that version may be using it.
    ///
    /// # Errors
    /// [`SqlConnectError::TooOld`], and what [`connect`](Self::connect) may say.
    pub async fn connect_beside(config: &SqlConfig) -> Result<Self, SqlConnectError> {
        Self::open(config, Upgrade::No).await
    }

    async fn open(config: &SqlConfig, upgrade: Upgrade) -> Result<Self, SqlConnectError> {
        let database = Arc::new(Database::connect(config, upgrade).await?);
        let queue = SqlQueue::new(Arc::clone(&database));
        let appended = database.hint(Topic::Outbox);
        Ok(Self { database, appended, queue })
    }

    /// The queue that lives in the same database (`queue = "database:"`).
    pub fn queue(&self) -> SqlQueue {
        self.queue.clone()
    }

    /// Whether the database answers: one small read, for health checks.
    ///
    /// # Errors
    /// [`Unavailable`] if it does not.
    pub async fn ping(&self) -> Result<(), Unavailable> {
        self.database.optional(Statement::new("SELECT 1")).await?;
        Ok(())
    }

    /// Writes something, makes it durable and reads it back, for a thorough examination.
    ///
    /// # Errors
    /// [`Unavailable`] if any of it fails.
    pub async fn round_trip(&self) -> Result<(), Unavailable> {
        let count_up = "INSERT INTO round_trips (id, count) VALUES (1, 1)
                        ON CONFLICT (id) DO UPDATE SET count = round_trips.count + 1 RETURNING count";
        let count = |row: Option<&database::Row>| row.map(|row| row.int("count")).transpose();
        let written = count(self.database.run_returning(Statement::new(count_up)).await?.first())?;
        let read = "SELECT count FROM round_trips WHERE id = 1";
        let found = count(self.database.optional(Statement::new(read)).await?.as_ref())?;
        // Another process may have counted on in between.
        if found < written || written.is_none() {
            return Err(Unavailable::lasting("what was written could not be read back"));
        }
        Ok(())
    }

    /// Gives this process a role that only one may have at a time on this database. `None` if another
    /// process has it.
    ///
    /// On SQLite nothing is asked: whoever opens the file on several processes keeps them apart.
    ///
    /// # Errors
    /// [`Unavailable`] if the database does not answer.
    pub async fn claim_role(&self, role: &'static str) -> Result<Option<SqlClaim>, Unavailable> {
        let claim = self.database.claim_role(role).await?;
        Ok(claim.map(SqlClaim))
    }

    /// Waits for the calls that are under way, then closes the database. Later calls fail.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Stores the events and makes the whole step durable.
    async fn commit(&self, mut transaction: Transaction, events: &[Event]) -> Result<(), Fault> {
        outbox::append(&mut transaction, events).await?;
        transaction.commit().await?;
        if !events.is_empty() {
            self.appended.give();
        }
        Ok(())
    }
}
