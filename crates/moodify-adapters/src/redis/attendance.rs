//! Who is there: the subscriptions of this process, its lease, and what is left of processes that died.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use moodify_core::model::AccountId;
use moodify_core::port::Measurement;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::error::Fault;
use super::facts::Facts;
use super::hub::{Inner, Request};
use super::keys::Keys;
use super::server::Base;
use super::session::{Opener, Session};
use crate::backoff::Backoff;
use crate::hub::{LONGEST_WAIT, Message, Record};

/// How many channels or connections one step deals with.
const AT_ONCE: usize = 500;

/// How many times a lease is renewed before it would end.
const BEATS: u32 = 3;

/// How long a dead process's connections are one process's business.
const SWEEPING: Duration = Duration::from_secs(30);

/// Keeps this process connected and present.
pub(super) struct Attendant {
    inner: Arc<Inner>,
    opener: Opener,
    requests: UnboundedReceiver<Request>,
    /// Under which this process is or may be present.
    leases: Vec<Uuid>,
}

/// Connections on which everything is set up.
pub(super) struct Opened {
    session: Arc<Session>,
    sink: PubSubSink,
    stream: PubSubStream,
    subscribed: HashSet<AccountId>,
}

impl Attendant {
    pub(super) fn new(inner: Arc<Inner>, opener: Opener, requests: UnboundedReceiver<Request>) -> Self {
        Self { inner, opener, requests, leases: Vec::new() }
    }

    /// Connects, subscribes to the hints of all listeners that are here, and lets the others know of their
    /// connections, under a lease of its own.
    pub(super) async fn open(&mut self) -> Result<Opened, Fault> {
        let Base { context, keys, me, .. } = &*self.inner.base;
        let (session, listening, facts) = self.opener.open(context.new_id()).await?;
        tracing::debug!(server = facts.version(), "connected to Redis");
        let (mut sink, stream) = listening.split();
        // Also where nobody is here yet: a user that may not subscribe is found at once.
        session.within("subscribe", sink.subscribe(keys.process(*me))).await?;
        let old = self.leases.clone();
        self.leases.push(session.lease);
        renew(&self.inner, &session, true).await?;
        let members = self.inner.here.local.all_members();
        let subscribed: HashSet<AccountId> = members.iter().map(|member| member.account).collect();
        let channels: Vec<_> = subscribed.iter().map(|account| keys.hints(*account)).collect();
        for channels in channels.chunks(AT_ONCE) {
            session.within("subscribe", sink.subscribe(channels)).await?;
        }
        for members in members.chunks(AT_ONCE) {
            let mut commands = redis::pipe();
            for member in members {
                self.inner.attend(&mut commands, session.lease, member)?;
            }
            session.ask_all::<()>("note connections", &commands).await?;
        }
        let mut ends = redis::pipe();
        for lease in old {
            // Somebody notes who has left in the meantime.
            end(&mut ends, keys, lease);
        }
        if !ends.is_empty() {
            session.ask_all::<()>("end a lease", &ends).await?;
        }
        self.leases = vec![session.lease];
        Ok(Opened { session: Arc::new(session), sink, stream, subscribed })
    }

    /// From now on this is what there is.
    pub(super) fn begin(&self, opened: Result<Opened, Fault>) -> Result<Opened, Fault> {
        let link = &self.inner.base.link;
        link.set(opened.as_ref().map(|opened| opened.session.clone()).map_err(Clone::clone));
        opened
    }

    /// Serves these connections, and those that take their place, for ever.
    pub(super) async fn run(mut self, first: Result<Opened, Fault>) {
        let (mut backoff, mut next) = (Backoff::up_to(LONGEST_WAIT), first);
        loop {
            match next {
                Ok(opened) => {
                    backoff.reset();
                    let fault = self.serve(opened).await;
                    tracing::warn!(%fault, "playback is cut off from Redis; connecting again");
                    self.inner.base.link.set(Err(fault));
                }
                Err(fault) => tracing::debug!(%fault, "Redis cannot be used yet"),
            }
            self.turn_away(backoff.next()).await;
            let opened = self.open().await;
            next = self.begin(opened);
            if next.is_ok() {
                tracing::info!("playback is connected to Redis again");
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
                Some(Request::Join(_, tell)) => {
                    let _ = tell.send(Err(base.link.session().err().unwrap_or(Fault::Lost)));
                }
                // Whoever has left is not made known again.
                Some(Request::Left(..)) => {}
                None => return,
            }
        }
    }

    /// Returns why it is over.
    async fn serve(&mut self, opened: Opened) -> Fault {
        let Opened { session, sink, stream, subscribed } = opened;
        let mut presence =
            Presence { inner: &self.inner, session: &session, sink, subscribed, sweeping: None };
        tokio::select! {
            () = listen(&self.inner, stream) => Fault::Lost,
            () = session.broken() => Fault::Lost,
            fault = presence.keep(&mut self.requests) => fault,
        }
    }
}

/// Passes on what others publish, until nothing more can come.
async fn listen(inner: &Inner, mut stream: PubSubStream) {
    while let Some(message) = stream.next().await {
        let Some(account) = inner.base.keys.listener(message.get_channel_name()) else { continue };
        match Message::decode::<Fault>(message.get_payload_bytes(), inner.base.me) {
            Ok(Some(message)) => inner.here.deliver(account, &message),
            Ok(None) => {}
            // Of another version: its devices find out by themselves.
            Err(fault) => tracing::warn!(%fault, "a playback hint cannot be read"),
        }
    }
}

/// Goes on with the lease, or begins it. Returns a lease that ended and that has to be tidied up after.
async fn renew(inner: &Inner, session: &Session, is_new: bool) -> Result<Option<Uuid>, Fault> {
    let Base { config, keys, scripts, .. } = &*inner.base;
    let mut script = scripts.renew.key(keys.leases());
    script.key(keys.lapsed()).key(keys.attendance(session.lease));
    script.arg(session.lease.to_string()).arg(millis(config.lease)).arg(u8::from(is_new));
    let tidies = !is_new && inner.here.is_asked();
    script.arg(u8::from(tidies)).arg(millis(SWEEPING));
    let (goes_on, lapsed): (bool, String) = session.call("renew a lease", &script).await?;
    if goes_on { Ok(lapsed.parse().ok()) } else { Err(Fault::Lapsed) }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The presence of this process while a connection lasts.
struct Presence<'a> {
    inner: &'a Arc<Inner>,
    session: &'a Arc<Session>,
    sink: PubSubSink,
    subscribed: HashSet<AccountId>,
    sweeping: Option<JoinHandle<()>>,
}

impl Presence<'_> {
    /// Does what is asked, and says again and again that this process is alive. Returns why it could not.
    async fn keep(&mut self, requests: &mut UnboundedReceiver<Request>) -> Fault {
        let base = &self.inner.base;
        let beat = base.config.lease / BEATS;
        let mut nap = base.context.clock.sleep(beat);
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
        // A line that is cut without a word is found by nothing else.
        let pong = self.session.within("answer a ping", self.sink.ping::<redis::Value>());
        let mut about = redis::cmd("INFO");
        about.arg("server").arg("replication");
        let about = self.session.ask::<String>("tell which run it is of", &about);
        let (lapsed, _, about) = tokio::try_join!(renew(self.inner, self.session, false), pong, about)?;
        // It changes under living connections too. Processes that disagree on it would take turns to begin each
        // listener's state anew.
        if Facts::read(&about).run() != self.session.run {
            return Err(Fault::AnotherRun);
        }
        let is_busy = self.sweeping.as_ref().is_some_and(|sweeping| !sweeping.is_finished());
        if let Some(lapsed) = lapsed.filter(|_| !is_busy) {
            let (inner, session) = (self.inner.clone(), self.session.clone());
            self.sweeping = Some(tokio::spawn(async move {
                if let Err(fault) = sweep(&inner, &session, lapsed).await {
                    tracing::warn!(%fault, "not all is noted that a process left behind; it is tried again");
                }
            }));
        }
        Ok(())
    }

    async fn fulfil(&mut self, requests: Vec<Request>) -> Result<(), Fault> {
        let (mut joins, mut left) = (Vec::new(), Vec::new());
        for request in requests {
            match request {
                Request::Join(account, tell) => joins.push((account, tell)),
                Request::Left(account, connection) => left.push((account, connection)),
            }
        }
        let mut done = self.say_goodbye(&left).await;
        if done.is_ok() {
            let accounts = joins.iter().map(|(account, _)| *account);
            done = self.subscribe(accounts.collect()).await;
        }
        for (_, tell) in joins {
            // Whoever has given up waiting does not need it.
            let _ = tell.send(done.clone());
        }
        done
    }

    async fn subscribe(&mut self, accounts: HashSet<AccountId>) -> Result<(), Fault> {
        let new: Vec<_> = accounts.into_iter().filter(|account| !self.subscribed.contains(account)).collect();
        let channels: Vec<_> = new.iter().map(|account| self.inner.base.keys.hints(*account)).collect();
        if channels.is_empty() {
            return Ok(());
        }
        self.session.within("subscribe", self.sink.subscribe(channels)).await?;
        self.subscribed.extend(new);
        Ok(())
    }

    async fn say_goodbye(
        &mut self,
        left: &[(AccountId, moodify_core::model::ConnectionId)],
    ) -> Result<(), Fault> {
        let keys = &self.inner.base.keys;
        let lease = self.session.lease;
        let (mut commands, mut channels) = (redis::pipe(), Vec::new());
        for (account, connection) in left {
            let field = format!("{connection}:{lease}");
            commands.cmd("HDEL").arg(keys.online(*account)).arg(field).ignore();
            if self.inner.here.local.members(*account).is_empty() && self.subscribed.remove(account) {
                commands.cmd("SREM").arg(keys.attendance(lease)).arg(account.to_string()).ignore();
                channels.push(keys.hints(*account));
            }
        }
        if !commands.is_empty() {
            self.session.ask_all::<()>("note that connections have left", &commands).await?;
        }
        if !channels.is_empty() {
            self.session.within("unsubscribe", self.sink.unsubscribe(channels)).await?;
        }
        Ok(())
    }
}

/// Ends a lease at once.
pub(super) fn end(commands: &mut redis::Pipeline, keys: &Keys, lease: Uuid) {
    let lease = lease.to_string();
    commands.cmd("ZREM").arg(keys.leases()).arg(&lease).ignore();
    commands.cmd("ZADD").arg(keys.lapsed()).arg(0).arg(&lease).ignore();
}

/// Removes what a dead process left behind, and has it noted.
async fn sweep(inner: &Inner, session: &Session, lease: Uuid) -> Result<(), Fault> {
    let Base { keys, scripts, .. } = &*inner.base;
    let attendance = keys.attendance(lease);
    loop {
        let mut some = redis::cmd("SRANDMEMBER");
        let some = some.arg(&attendance).arg(AT_ONCE);
        let accounts: Vec<String> = session.ask("tell whom a process left behind", some).await?;
        if accounts.is_empty() {
            break;
        }
        for account in accounts {
            let Ok(listener) = account.parse::<Uuid>().map(AccountId::from) else {
                return Err(Fault::Stored("a lease"));
            };
            let mut script = scripts.sweep.key(keys.online(listener));
            script.key(&attendance).arg(lease.to_string()).arg(&account);
            let records: Vec<String> = session.call("forget what a process left behind", &script).await?;
            for record in records {
                let (_, gone) = Record::decode::<Fault>(&record, listener)?;
                inner.here.note_deserted(gone).await?;
            }
        }
    }
    let mut done = redis::cmd("ZREM");
    session.ask("forget a lease", done.arg(keys.lapsed()).arg(lease.to_string())).await
}
