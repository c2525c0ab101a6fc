#![doc = include_str!("docs.md")]

mod catalog_store;
mod claim;
#[cfg(test)]
mod commands;
mod config;
mod connect;
mod database;
mod ended;
mod error;
mod feed;
mod hints;
mod hub;
mod key_store;
mod library_store;
mod log_in_tallies;
pub mod mongoose;
mod outbox;
#[cfg(test)]
mod plans;
mod playback_archive;
mod playback_store;
mod queue;
mod read;
mod recipient_store;
mod reclaim;
mod row;
mod schema;
mod search;
mod send_log;
mod step;
mod upload_store;
mod user_store;

use std::sync::Arc;

use mongodb::bson::doc;
use moodify_core::port::Unavailable;

pub use claim::MongoClaim;
pub use config::MongoConfig;
pub use error::MongoConnectError;
pub use hub::{MongoSharedPlayback, MongoSync, MongoSyncConfig, MongoSyncHub};
pub use queue::MongoQueue;

use connect::Upgrade;
use database::Database;
use hints::Listener;

/// Accounts, keys, catalogue, libraries, uploads, playback, outbox and send log in one MongoDB database.
pub struct MongoStore {
    database: Arc<Database>,
    listener: Listener,
}

impl MongoStore {
    /// Opens the database, and makes collections and indexes that are missing.
    ///
    /// # Errors
    /// [`MongoConnectError`] says what is wrong and what to do.
    pub async fn connect(config: &MongoConfig) -> Result<Self, MongoConnectError> {
        Self::open(config, Upgrade::Yes).await
    }

    /// The same for who comes beside others, such as a tool beside a server: a new database is made, but
    /// one of an older version is left as it is, for processes of that version may be using it.
    ///
    /// # Errors
    /// [`MongoConnectError::TooOld`], and what [`connect`](Self::connect) may say.
    pub async fn connect_beside(config: &MongoConfig) -> Result<Self, MongoConnectError> {
        Self::open(config, Upgrade::No).await
    }

    async fn open(config: &MongoConfig, upgrade: Upgrade) -> Result<Self, MongoConnectError> {
        let database = Arc::new(connect::open(config, upgrade).await?);
        let listener = Listener::start(Arc::clone(&database));
        Ok(Self { database, listener })
    }

    /// The queue that lives in the same database (`queue = "database:"`).
    pub fn queue(&self) -> MongoQueue {
        MongoQueue::new(Arc::clone(&self.database))
    }

    /// Whether a server that takes writes answers: one small question, for health checks.
    ///
    /// # Errors
    /// [`Unavailable`] if it does not.
    pub async fn ping(&self) -> Result<(), Unavailable> {
        self.database.within(self.database.inner.run_command(doc! { "ping": 1 })).await?;
        Ok(())
    }

    /// Writes something in a transaction, makes it durable and reads it back, for a thorough examination.
    ///
    /// # Errors
    /// [`Unavailable`] if any of it fails.
    pub async fn round_trip(&self) -> Result<(), Unavailable> {
        let written: Result<_, error::Fault> = self
            .database
            .atomically(|step| {
                Box::pin(async move {
                    let count_up = doc! { "$inc": { "count": 1_i64 } };
                    step.update_returning("round_trips", doc! { "_id": 1 }, count_up, true).await
                })
            })
            .await;
        let count = |row: Option<row::Row>| row.map(|row| row.int("count")).transpose();
        let written = count(written?)?;
        let found = count(self.database.plain().find_one("round_trips", doc! { "_id": 1 }).await?)?;
        // Another process may have counted on in between.
        if found < written || written.is_none() {
            return Err(Unavailable::lasting("what was written could not be read back"));
        }
        Ok(())
    }

    /// Closes the database's connections once the calls that are under way have ended. Later calls fail.
    pub async fn close(&self) {
        self.listener.stop();
        self.database.close().await;
    }
}
