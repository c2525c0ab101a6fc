//! Keeps this process present: its change stream, its lease, and its connections under that.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use moodify_core::model::{AccountId, ConnectionId};
use moodify_core::port::Measurement;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::base::Session;
use super::ears::Ears;
use super::error::Fault;
use super::presence::AT_ONCE;
use super::sync_hub::{Inner, Request};
use crate::backoff::Backoff;
use crate::hub::LONGEST_WAIT;

/// How many times a lease is renewed before it would end.
const BEATS: u32 = 3;

/// So many pulses in a row may be late before the change stream counts as dead.
const LATE: u32 = 2;

/// Keeps this process connected and present.
pub(super) struct Attendant {
    inner: Arc<Inner>,
    requests: UnboundedReceiver<Request>,
    /// Under which this process is or may be present.
    leases: Vec<String>,
    /// Tidies up beside what it keeps, through every session.
    sweeping: JoinSet<()>,
}

/// Everything is set up.
pub(super) struct Opened {
    session: Arc<Session>,
    ears: Ears,
}

impl Attendant {
    pub(super) fn new(inner: Arc<Inner>, requests: UnboundedReceiver<Request>) -> Self {
        Self { inner, requests, leases: Vec::new(), sweeping: JoinSet::new() }
    }

    /// Listens, and lets the others know of the connections of this process, under a lease of its own.
    pub(super) async fn open(&mut self) -> Result<Opened, Fault> {
        let base = &self.inner.base;
        // First: what is told from here on is heard.
        let ears = Ears::open(base).await?;
        let lease = base.context.new_id::<Uuid>().to_string();
        let old = self.leases.clone();
        self.leases.push(lease.clone());
        base.begin_lease(&lease).await?;
        self.inner.attend_all(&lease, &self.inner.here.local.all_members()).await?;
        base.end_leases(&old).await?;
        self.leases = vec![lease.clone()];
        Ok(Opened { session: Arc::new(Session { lease }), ears })
    }

    /// From now on this is what there is.
    pub(super) fn begin(&self, opened: Result<Opened, Fault>) -> Result<Opened, Fault> {
        let session = opened.as_ref().map(|opened| opened.session.clone()).map_err(Clone::clone);
        self.inner.base.link.set(session);
        opened
    }

    /// Serves this, and what takes its place, for ever.
    pub(super) async fn run(mut self, first: Result<Opened, Fault>) {
        let (mut backoff, mut next) = (Backoff::up_to(LONGEST_WAIT), first);
        loop {
            match next {
                Ok(opened) => {
                    backoff.reset();
                    let fault = self.serve(opened).await;
                    tracing::warn!(%fault, "playback is cut off from other processes; connecting again");
                    self.inner.base.link.set(Err(fault));
                }
                Err(fault) => tracing::debug!(%fault, "the database of playback cannot be used yet"),
            }
            self.turn_away(backoff.next()).await;
            let opened = self.open().await;
            next = self.begin(opened);
            if next.is_ok() {
                tracing::info!("playback is connected to other processes again");
                self.inner.base.context.record(Measurement::SyncInterrupted);
                self.inner.here.local.miss();
            }
        }
    }

    /// Answers for a while that there is no server.
    async fn turn_away(&mut self, wait: Duration) {
        let base = self.inner.base.clone();
        let mut nap = base.context.clock.sleep(wait);
        loop {
            let request = tokio::select! {
                () = &mut nap => return,
                request = self.requests.recv() => request,
            };
            match request {
                Some(Request::Attend(_, _, tell)) => {
                    // Whoever has given up waiting does not need it.
                    let _ = tell.send(Err(base.link.session().err().unwrap_or(Fault::Lost)));
                }
                // Whoever has left is not made known again.
                Some(Request::Left(_)) => {}
                None => return,
            }
        }
    }

    /// Returns why it is over.
    async fn serve(&mut self, opened: Opened) -> Fault {
        let Opened { session, ears } = opened;
        let (inner, session, sweeping) = (&self.inner, &session, &mut self.sweeping);
        let mut presence = Presence { inner, session, pulse: 0, late: 0, sweeping };
        tokio::select! {
            fault = ears.listen(&self.inner) => fault,
            fault = presence.keep(&mut self.requests) => fault,
        }
    }
}

/// The presence of this process while a session lasts.
struct Presence<'a> {
    inner: &'a Arc<Inner>,
    session: &'a Arc<Session>,
    /// The number of the last pulse, and how many in a row were not heard in time.
    pulse: i64,
    late: u32,
    sweeping: &'a mut JoinSet<()>,
}

impl Presence<'_> {
    /// Does what is asked, and says again and again that this process is alive. Returns why it could not.
    async fn keep(&mut self, requests: &mut UnboundedReceiver<Request>) -> Fault {
        let base = &self.inner.base;
        let beat = base.config.lease / BEATS;
        // At once: who hears it knows from where on to count.
        let mut nap = base.context.clock.sleep(Duration::ZERO);
        let mut batch = Vec::new();
        loop {
            let done = tokio::select! {
                () = &mut nap => {
                    nap = base.context.clock.sleep(beat);
                    self.beat().await
                }
                count = requests.recv_many(&mut batch, AT_ONCE) => {
                    if count == 0 {
                        return Fault::Lost;
                    }
                    self.fulfil(mem::take(&mut batch)).await
                }
            };
            if let Err(fault) = done {
                return fault;
            }
        }
    }

    async fn beat(&mut self) -> Result<(), Fault> {
        let base = &self.inner.base;
        // A change stream that says nothing more is found by nothing else.
        let is_heard = *base.echo.borrow() >= self.pulse;
        self.late = if is_heard { 0 } else { self.late + 1 };
        if self.late >= LATE {
            return Err(Fault::Deaf);
        }
        let now = base.renew_lease(&self.session.lease).await?;
        let pulse = base.pulse().await?;
        if is_heard {
            self.pulse = pulse;
        }
        while self.sweeping.try_join_next().is_some() {}
        if !self.sweeping.is_empty() || !self.inner.here.is_asked() {
            return Ok(());
        }
        if let Some(lapsed) = base.lapsed(now).await? {
            let inner = self.inner.clone();
            self.sweeping.spawn(async move {
                if let Err(fault) = inner.sweep(&lapsed).await {
                    tracing::warn!(%fault, "not all is noted that a process left behind; it is tried again");
                }
            });
        }
        Ok(())
    }

    async fn fulfil(&mut self, requests: Vec<Request>) -> Result<(), Fault> {
        let (mut last, mut tells) = (HashMap::<ConnectionId, Option<AccountId>>::new(), Vec::new());
        for request in requests {
            match request {
                Request::Attend(account, connection, tell) => {
                    last.insert(connection, Some(account));
                    tells.push(tell);
                }
                Request::Left(connection) => {
                    last.insert(connection, None);
                }
            }
        }
        let (mut here, mut left) = (Vec::new(), Vec::new());
        for (connection, account) in last {
            match account {
                None => left.push(connection),
                // As it is now. Of one that is not there any more it will be said that it has left.
                Some(account) => here.extend(
                    self.inner.here.local.members(account).into_iter().find(|m| m.connection == connection),
                ),
            }
        }
        let lease = &self.session.lease;
        let mut done = self.inner.take_leave_of(lease, &left).await;
        if done.is_ok() {
            done = self.inner.attend(lease, &here).await;
        }
        for tell in tells {
            // Whoever has given up waiting does not need it.
            let _ = tell.send(done.clone());
        }
        done
    }
}
