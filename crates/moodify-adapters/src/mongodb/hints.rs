//! Hints between processes, over a change stream. Whoever misses one finds out when it polls.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::doc;
use tokio::task::JoinHandle;

use super::database::Database;
use super::error::Fault;

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The task that listens. It ends with this.
pub(super) struct Listener(JoinHandle<()>);

impl Listener {
    pub(super) fn start(database: Arc<Database>) -> Self {
        Self(tokio::spawn(hear(database)))
    }

    pub(super) fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Wakes those who wait here when something new was stored, by whatever process. Connects again for ever.
async fn hear(database: Arc<Database>) {
    let mut wait = FIRST_WAIT;
    loop {
        match listen(&database, &mut wait).await {
            Err(Fault::Closed) => return,
            Err(error) => {
                tracing::warn!(%error, ?wait, "hints of other processes are not heard: events wait for the next poll");
            }
        }
        pause(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn listen(database: &Database, wait: &mut Duration) -> Result<Infallible, Fault> {
    let inserts = doc! { "operationType": "insert", "ns.coll": { "$in": ["outbox", "deliveries"] } };
    let watch = database.inner.watch().pipeline([doc! { "$match": inserts }]);
    let mut changes = database.within(watch).await?;
    *wait = FIRST_WAIT;
    // There may have been some while nobody listened.
    database.appended.wake();
    database.published.wake();
    while changes.is_alive() {
        // The server answers after a second when there is nothing.
        let change = database.within(changes.next_if_any()).await?;
        match change.and_then(|change| change.ns).and_then(|place| place.coll).as_deref() {
            Some("outbox") => database.appended.wake(),
            Some("deliveries") => database.published.wake(),
            _ => {}
        }
    }
    Err(mongodb::error::Error::from(std::io::ErrorKind::ConnectionAborted).into())
}

#[expect(clippy::disallowed_methods, reason = "spares a server that is down; no rule depends on it")]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}
