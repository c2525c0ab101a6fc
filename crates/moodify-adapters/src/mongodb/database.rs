//! Connections to one database, and atomic steps in it. Everything above speaks [`Step`] and [`Row`].

use std::collections::hash_map::RandomState;
use std::future::{Future, IntoFuture};
use std::hash::BuildHasher;
use std::mem;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::{ReadConcern, WriteConcern};
use tokio::sync::RwLock;
use tokio::task::JoinHandle;

use super::error::Fault;
use super::read::Sessions;
use super::step::Step;
use crate::hint::Hint;

/// What gives numbers; made with the schema.
pub(super) const COUNTERS: &str = "counters";

/// How often a step is begun again whose documents others have changed meanwhile.
const MOST_TRIES: u32 = 20;
/// How often a commit is asked for again whose answer was lost: doing it twice is no harm.
const MOST_COMMITS: u32 = 3;
/// How long a step waits at most for another process's, before it begins again.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// How long a call that is no step of ours may take beyond the driver's own limits.
const GRACE: Duration = Duration::from_secs(2);

/// A database, and what all who use it share.
pub(super) struct Database {
    pub(super) client: Client,
    pub(super) inner: mongodb::Database,
    pub(super) patience: Duration,
    /// Wakes the relay.
    pub(super) appended: Hint,
    /// Wakes the consumers.
    pub(super) published: Hint,
    /// Steps run side by side. One that has met another's changes runs again alone, of this process: as
    /// the server makes nobody wait, it would otherwise meet them again and again.
    turns: RwLock<()>,
    /// Of reads.
    pub(super) sessions: Sessions,
    closed: AtomicBool,
    /// What is still to be done before the end.
    parting: Mutex<Vec<JoinHandle<()>>>,
}

impl Database {
    pub(super) fn new(client: Client, name: &str, patience: Duration) -> Self {
        let inner = client.database(name);
        Self {
            client,
            inner,
            patience: patience + GRACE,
            appended: Hint::default(),
            published: Hint::default(),
            turns: RwLock::new(()),
            sessions: Sessions::new(),
            closed: AtomicBool::new(false),
            parting: Mutex::default(),
        }
    }

    /// Operations that are each a step of their own.
    pub(super) fn plain(&self) -> Step<'_> {
        Step::new(self, None)
    }

    /// Does this in one atomic step, which sees the database as it was when the step began; from the
    /// beginning if others have changed the same. What it reads and does not change, others may change
    /// meanwhile: [`Step::hold`] what must stay.
    pub(super) async fn atomically<'a, T, E, F>(&'a self, work: F) -> Result<T, E>
    where
        F: for<'s> Fn(&'s mut Step<'a>) -> BoxFuture<'s, Result<T, E>> + Send + Sync,
        T: Send,
        E: From<Fault> + Send,
    {
        let (mut tried, mut has_looked_again, mut is_on_another_line) = (0, false, false);
        while tried < MOST_TRIES {
            let turn = if tried == 0 {
                (Some(self.waited(self.turns.read()).await?), None)
            } else {
                // Before its turn comes: nobody else has to wait for that.
                pause(tried).await;
                (None, Some(self.waited(self.turns.write()).await?))
            };
            let mut step = self.begin().await?;
            match work(&mut step).await {
                Ok(value) => match step.commit().await {
                    Ok(()) => return Ok(value),
                    Err(fault) if fault.is_conflict() && !fault.is_unknown_commit() => {
                        tracing::debug!(error = %fault, tried, "a step has met others in its commit");
                        tried += 1;
                    }
                    Err(fault) => return Err(fault.into()),
                },
                Err(error) => {
                    let (met_others, met_duplicate) = (step.met_others, step.met_duplicate);
                    let lost_its_line = step.lost_its_line;
                    if lost_its_line {
                        // The server may be away: nobody has to wait until that is known.
                        drop(turn);
                    }
                    step.abort().await;
                    if lost_its_line && !mem::replace(&mut is_on_another_line, true) {
                        // Nobody was in the way: that was no try.
                    } else if met_others || (met_duplicate && !mem::replace(&mut has_looked_again, true)) {
                        tried += 1;
                    } else {
                        return Err(error);
                    }
                }
            }
        }
        Err(Fault::Crowded.into())
    }

    async fn waited<G>(&self, turn: impl Future<Output = G>) -> Result<G, Fault> {
        tokio::time::timeout(self.patience, turn).await.map_err(|_| Fault::TimedOut)
    }

    async fn begin(&self) -> Result<Step<'_>, Fault> {
        let mut session = self.within(self.client.start_session()).await?;
        let begun = session.start_transaction().read_concern(ReadConcern::snapshot());
        begun.write_concern(WriteConcern::majority()).await?;
        Ok(Step::new(self, Some(session)))
    }

    /// The next number of this name: greater than all that were given before, in whatever process. Not
    /// part of any step, so that steps do not wait for each other.
    pub(super) async fn next_number(&self, name: &'static str) -> Result<i64, Fault> {
        let count_up = doc! { "$inc": { "last": 1_i64 } };
        let counter = self.plain().update_returning(COUNTERS, doc! { "_id": name }, count_up, false).await?;
        counter.ok_or_else(|| Fault::stored("last"))?.int("last")
    }

    /// What the driver does, for as long as it may take. In a box: the driver's futures are large.
    pub(super) fn within<'w, T, W>(&self, work: W) -> BoxFuture<'w, Result<T, Fault>>
    where
        W: IntoFuture<Output = mongodb::error::Result<T>, IntoFuture: Send + 'w>,
    {
        let (patience, work) = (self.patience, work.into_future());
        let closed = self.closed.load(Ordering::Acquire);
        Box::pin(async move {
            if closed {
                return Err(Fault::Closed);
            }
            match tokio::time::timeout(patience, work).await {
                Ok(done) => Ok(done?),
                Err(_) => Err(Fault::TimedOut),
            }
        })
    }

    /// Does this beside, if there is still somebody to do it; [`Self::close`] waits for it.
    pub(super) fn part(&self, with: impl Future<Output = ()> + Send + 'static) {
        if let (Ok(runtime), Ok(mut parting)) = (tokio::runtime::Handle::try_current(), self.parting.lock()) {
            parting.retain(|task| !task.is_finished());
            parting.push(runtime.spawn(with));
        }
    }

    /// Ends the connections; later calls fail.
    pub(super) async fn close(&self) {
        let parting = self.parting.lock().map(|mut parting| std::mem::take(&mut *parting));
        let parted = futures::future::join_all(parting.unwrap_or_default());
        if tokio::time::timeout(GRACE, parted).await.is_err() {
            tracing::debug!("claims on the database are left to run out");
        }
        self.closed.store(true, Ordering::Release);
        // The driver waits until nobody has one.
        self.sessions.end();
        if tokio::time::timeout(GRACE, self.client.clone().shutdown()).await.is_err() {
            tracing::debug!("connections to the database are left to the system");
        }
    }

    pub(super) fn collection(&self, name: &str) -> mongodb::Collection<Document> {
        self.inner.collection(name)
    }
}

impl Step<'_> {
    /// Makes the step durable.
    async fn commit(mut self) -> Result<(), Fault> {
        let database = self.database;
        let Some(session) = &mut self.session else { return Ok(()) };
        let mut asked = 0;
        loop {
            asked += 1;
            match database.within(session.commit_transaction()).await {
                Err(fault) if fault.is_unknown_commit() && asked < MOST_COMMITS => {}
                Err(fault) => return Err(fault),
                Ok(()) => break,
            }
        }
        if self.appends {
            database.appended.give();
        }
        Ok(())
    }

    /// The server forgets the step by itself, but only after a while.
    async fn abort(mut self) {
        let database = self.database;
        if let Some(session) = &mut self.session
            && let Err(error) = database.within(session.abort_transaction()).await
        {
            tracing::debug!(%error, "a step was not taken back in time");
        }
    }
}

/// Of another process no turn is known: each waits for a while of its own.
#[expect(clippy::disallowed_methods, reason = "spares the other process; no rule depends on it")]
async fn pause(tried: u32) {
    if tried < 2 {
        return;
    }
    let longest = Duration::from_millis(1 << tried.min(10)).min(LONGEST_PAUSE);
    let dice = RandomState::new().hash_one(tried) % 1_000;
    tokio::time::sleep(longest.mul_f64(dice as f64 / 1_000.0)).await;
}
