//! What only one process does at a time: a document that says who, and until when by the server's clock.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use tokio::task::JoinHandle;

use super::MongoStore;
use super::database::Database;
use super::error::Fault;
use moodify_core::port::Unavailable;

const COLLECTION: &str = "claims";
/// How long a process may be silent before another one takes its place.
const LEASE: Duration = Duration::from_secs(15);
/// How often it says that it is there.
const INTERVAL: Duration = Duration::from_secs(5);

/// A role that this process has, until it drops this or ends, however it ends: then others have it at once,
/// or after 15 seconds.
pub struct MongoClaim {
    kept: JoinHandle<()>,
    claim: Arc<Claim>,
}

impl MongoClaim {
    /// Returns when another process has it: that happens only after the server was away, or this process
    /// stood still for long.
    pub async fn lost(&mut self) {
        if let Err(error) = (&mut self.kept).await {
            tracing::error!(%error, "what kept a claim on the database has failed");
        }
    }
}

impl Drop for MongoClaim {
    fn drop(&mut self) {
        self.kept.abort();
        let claim = Arc::clone(&self.claim);
        // Only a courtesy: whoever waits gets it sooner.
        self.claim.database.part(async move { claim.give_up().await });
    }
}

struct Claim {
    database: Arc<Database>,
    role: &'static str,
    holder: ObjectId,
}

impl MongoStore {
    /// Gives this process a role that only one may have at a time on this database. `None` if another
    /// process has it.
    ///
    /// # Errors
    /// [`Unavailable`] if the database does not answer.
    pub async fn claim_role(&self, role: &'static str) -> Result<Option<MongoClaim>, Unavailable> {
        let claim = Arc::new(Claim { database: Arc::clone(&self.database), role, holder: ObjectId::new() });
        if !claim.take().await? {
            return Ok(None);
        }
        let kept = tokio::spawn(keep(Arc::clone(&claim)));
        Ok(Some(MongoClaim { kept, claim }))
    }
}

impl Claim {
    /// Takes or renews it; `false` if another process has it.
    async fn take(&self) -> Result<bool, Fault> {
        let now = now(&self.database).await?;
        let until = now.saturating_add_duration(LEASE);
        let mine_or_over = doc! { "$or": [{ "holder": self.holder }, { "until": { "$lte": now } }] };
        let free = doc! { "_id": self.role, "$and": [mine_or_over] };
        let set = doc! { "$set": { "holder": self.holder, "until": until } };
        self.database.plain().upsert_if(COLLECTION, free, set).await
    }

    async fn give_up(&self) {
        let mine: Document = doc! { "_id": self.role, "holder": self.holder };
        if let Err(error) = self.database.plain().delete(COLLECTION, mine).await {
            tracing::debug!(%error, role = self.role, "a claim on the database is left to run out");
        }
    }
}

/// The server's clock: those of processes differ.
pub(super) async fn now(database: &Database) -> Result<DateTime, Fault> {
    let hello = database.within(database.inner.run_command(doc! { "hello": 1 })).await?;
    match hello.get("localTime") {
        Some(Bson::DateTime(now)) => Ok(*now),
        _ => Err(Fault::stored("localTime")),
    }
}

/// Returns when another process has the role.
async fn keep(claim: Arc<Claim>) {
    loop {
        pause().await;
        match claim.take().await {
            Ok(true) => {}
            Ok(false) | Err(Fault::Closed) => return,
            Err(error) => {
                tracing::warn!(%error, role = claim.role, "a claim on the database is not renewed yet");
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "spares the server; no rule depends on it")]
async fn pause() {
    tokio::time::sleep(INTERVAL).await;
}
