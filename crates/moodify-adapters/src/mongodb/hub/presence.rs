//! Who is there: leases of processes, by the server's clock, and the connections under each.

use std::time::Duration;

use mongodb::bson::{DateTime, Document, doc};
use moodify_core::model::{AccountId, ConnectionId};
use moodify_core::port::Subscriber;

use super::base::Base;
use super::error::Fault;
use super::sync_hub::Inner;
use crate::hub::Record;
use crate::mongodb::error::Fault as DatabaseFault;
use crate::mongodb::row::{Key, Row};
use crate::mongodb::step::Find;

/// A document for each process: until when it counts as alive.
pub(super) const LEASES: &str = "sync_leases";

/// A document for each connection of each of them.
pub(super) const PRESENCE: &str = "sync_presence";

/// How many connections one step deals with.
pub(super) const AT_ONCE: usize = 500;

/// How long a dead process's connections are one process's business.
const SWEEPING: Duration = Duration::from_secs(30);

/// When it is looked again for what came in late: a write may be under way when its process is given up.
const AGAIN: Duration = Duration::from_secs(60);

/// For how long.
const STRAGGLERS: Duration = Duration::from_secs(600);

/// A lease that ended.
pub(super) struct Lapsed {
    lease: String,
    /// Whether nothing can come any more.
    is_last: bool,
}

fn before(moment: DateTime, by: Duration) -> DateTime {
    let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    DateTime::from_millis(moment.timestamp_millis().saturating_sub(millis))
}

fn place(connection: ConnectionId, lease: &str) -> String {
    format!("{connection}:{lease}")
}

impl Base {
    /// Begins a lease.
    pub(super) async fn begin_lease(&self, lease: &str) -> Result<(), Fault> {
        let until = self.server_time().await?.saturating_add_duration(self.config.lease);
        let begun = doc! { "_id": lease, "until": until, "sweep_at": DateTime::from_millis(0) };
        self.ask("begin a lease", self.step().insert(LEASES, begun)).await
    }

    /// Goes on with a lease that has not ended. Returns the server's time.
    pub(super) async fn renew_lease(&self, lease: &str) -> Result<DateTime, Fault> {
        let now = self.server_time().await?;
        let mine = doc! { "_id": lease, "until": { "$gt": now } };
        let until = doc! { "$set": { "until": now.saturating_add_duration(self.config.lease) } };
        let goes_on = self.ask("renew a lease", self.step().update(LEASES, mine, until)).await?;
        if goes_on { Ok(now) } else { Err(Fault::Lapsed) }
    }

    /// Ends leases at once: somebody notes who has left in the meantime.
    pub(super) async fn end_leases(&self, leases: &[String]) -> Result<(), Fault> {
        if leases.is_empty() {
            return Ok(());
        }
        let now = self.server_time().await?;
        let running = doc! { "_id": { "$in": leases }, "until": { "$gt": now } };
        let ended = doc! { "$set": { "until": now } };
        self.ask("end a lease", self.step().update_all(LEASES, running, ended)).await?;
        Ok(())
    }

    /// A lease that ended and that this process may tidy up after, if there is one.
    pub(super) async fn lapsed(&self, now: DateTime) -> Result<Option<Lapsed>, Fault> {
        let over = doc! { "until": { "$lte": now }, "sweep_at": { "$lte": now } };
        let mine = doc! { "$set": { "sweep_at": now.saturating_add_duration(SWEEPING) } };
        let found =
            self.ask("tell who died", self.step().update_returning(LEASES, over, mine, false)).await?;
        let Some(row) = found else { return Ok(None) };
        let until = *row.0.get_datetime("until").map_err(|_| DatabaseFault::stored("until"))?;
        let is_last = until <= before(now, STRAGGLERS);
        Ok(Some(Lapsed { lease: row.text("_id")?.to_owned(), is_last }))
    }
}

impl Inner {
    fn document(&self, member: &Subscriber, lease: &str) -> Result<Document, Fault> {
        Ok(doc! {
            "_id": place(member.connection, lease),
            "account_id": member.account.key(),
            "lease": lease,
            "record": self.here.record(member)?,
        })
    }

    /// Lets the others know of connections that they do not know under this lease.
    pub(super) async fn attend_all(&self, lease: &str, members: &[Subscriber]) -> Result<(), Fault> {
        for members in members.chunks(AT_ONCE) {
            let documents = members.iter().map(|member| self.document(member, lease));
            let documents = documents.collect::<Result<Vec<_>, _>>()?;
            self.base.ask("note connections", self.base.step().insert_missing(PRESENCE, documents)).await?;
        }
        Ok(())
    }

    /// The same for those that they may know.
    pub(super) async fn attend(&self, lease: &str, members: &[Subscriber]) -> Result<(), Fault> {
        let mut changes = Vec::with_capacity(members.len());
        for member in members {
            let mut set = self.document(member, lease)?;
            set.remove("_id");
            changes.push((doc! { "_id": place(member.connection, lease) }, doc! { "$set": set }));
        }
        if changes.is_empty() {
            return Ok(());
        }
        // With whatever acknowledgement: a list may be old for a moment, and a lost one ends with its lease.
        self.base.ask("note connections", self.base.step().upsert_each(PRESENCE, changes)).await
    }

    /// Has the others forget connections that have left.
    pub(super) async fn take_leave_of(&self, lease: &str, left: &[ConnectionId]) -> Result<(), Fault> {
        if left.is_empty() {
            return Ok(());
        }
        let places: Vec<String> = left.iter().map(|connection| place(*connection, lease)).collect();
        let theirs = doc! { "_id": { "$in": places } };
        let what = "note that connections have left";
        self.base.ask(what, self.base.step().delete_all(PRESENCE, theirs)).await?;
        Ok(())
    }

    /// A listener's connections at other processes that are alive, and when they joined.
    pub(super) async fn elsewhere(&self, account: AccountId) -> Result<Vec<(i64, Subscriber)>, Fault> {
        let base = &self.base;
        let session = base.link.session()?;
        let theirs =
            Find::new(PRESENCE, doc! { "account_id": account.key(), "lease": { "$ne": &session.lease } });
        let (mut presence, mut leases) = (base.step(), base.step());
        let (now, found, leases) = futures::future::try_join3(
            base.server_time(),
            base.ask("tell who is there", presence.find(theirs)),
            // One for each process.
            base.ask("tell the leases", leases.find(Find::new(LEASES, Document::new()))),
        )
        .await?;
        let lives = |row: &&Row| row.0.get_datetime("until").is_ok_and(|until| *until > now);
        let alive: Vec<&str> = leases.iter().filter(lives).filter_map(|row| row.text("_id").ok()).collect();
        let mut there = Vec::with_capacity(found.len());
        for row in &found {
            if alive.contains(&row.text("lease")?) {
                there.push(Record::decode::<Fault>(row.text("record")?, account)?);
            }
        }
        Ok(there)
    }

    /// Removes what a dead process left behind, and has it noted.
    pub(super) async fn sweep(&self, lapsed: &Lapsed) -> Result<(), Fault> {
        let base = &self.base;
        loop {
            let left = Find::new(PRESENCE, doc! { "lease": &lapsed.lease }).limit(AT_ONCE);
            let left = base.ask("tell whom a process left behind", base.step().find(left)).await?;
            if left.is_empty() {
                break;
            }
            for row in left {
                let this = doc! { "_id": row.text("_id")? };
                // Whoever removes it has it noted.
                if !base.ask("forget a connection", base.step().delete(PRESENCE, this)).await? {
                    continue;
                }
                match Record::decode::<Fault>(row.text("record")?, row.id("account_id")?) {
                    Ok((_, gone)) => self.here.note_deserted(gone).await?,
                    Err(fault) => {
                        tracing::warn!(%fault, "a connection of another version is not noted as gone");
                    }
                }
            }
        }
        let this = doc! { "_id": &lapsed.lease };
        if lapsed.is_last {
            base.ask("forget a lease", base.step().delete(LEASES, this)).await?;
        } else {
            let again = base.server_time().await?.saturating_add_duration(AGAIN);
            let again = doc! { "$set": { "sweep_at": again } };
            base.ask("forget a lease", base.step().update(LEASES, this, again)).await?;
        }
        Ok(())
    }
}
