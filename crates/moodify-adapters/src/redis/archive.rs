//! What Redis holds, written to where it lasts.

use std::sync::Arc;
use std::time::Duration;

use moodify_core::model::{AccountId, AppliedCommand, CommandId, KnownDevice, Timestamp};
use moodify_core::port::{Measurement, PlaybackArchive, PlaybackStoreError, Saved};
use uuid::Uuid;

use super::error::Fault;
use super::playback_store::{Remembered, Seen, decode, decode_state};
use super::server::Base;
use super::session::Session;

/// How long a change waits to be written, together with what changes in the meantime.
const DELAY: Duration = Duration::from_millis(500);

/// How many listeners are written in one step.
const BATCH: usize = 200;

/// How many commands of one listener are written in one step.
const COMMANDS: usize = 1_000;

/// How long one process is the one that writes without saying so again.
const OFFICE: Duration = Duration::from_secs(15);

/// Written as by any store: who keeps the truth in memory afterwards does not take it for its own.
const NO_RUN: u64 = 0;

/// Writes to the archive, if no other process does.
pub(super) struct Archivist {
    base: Arc<Base>,
    archive: Arc<dyn PlaybackArchive>,
    /// One at a time, also when it ends.
    writing: tokio::sync::Mutex<()>,
}

/// A listener that has changed.
struct Dirty {
    account: AccountId,
    /// When; in microseconds since 1970.
    changed: i64,
    saved: Option<Saved>,
    /// Up to when its commands are in the archive once this is.
    commands_until: Option<i64>,
}

impl Archivist {
    pub(super) fn new(base: Arc<Base>, archive: Arc<dyn PlaybackArchive>) -> Self {
        Self { base, archive, writing: tokio::sync::Mutex::default() }
    }

    /// Writes what changes, for ever.
    pub(super) async fn run(&self) {
        let mut failures = 0;
        loop {
            // While the archive is down, less often: up to 10 s.
            self.base.context.clock.sleep(DELAY * (1 + failures)).await;
            // What Redis is unable to do is said elsewhere.
            let Ok(session) = self.base.link.session() else { continue };
            match self.write(&session).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    tracing::error!(%error, "playback states were not written to the database; they are again");
                    failures = (failures + 1).min(19);
                }
            }
        }
    }

    /// Writes what is left, and makes room for another process.
    pub(super) async fn close(&self) -> Result<(), PlaybackStoreError> {
        let session = self.base.link.session()?;
        self.write(&session).await?;
        self.take_office(&session, Duration::from_millis(1)).await?;
        Ok(())
    }

    async fn write(&self, session: &Session) -> Result<(), PlaybackStoreError> {
        let _writing = self.writing.lock().await;
        while self.take_office(session, OFFICE).await? {
            self.forget(session).await?;
            let batch = self.read(session).await?;
            if batch.is_empty() {
                return Ok(());
            }
            let listeners: Vec<Saved> = batch.iter().filter_map(|dirty| dirty.saved.clone()).collect();
            if !listeners.is_empty() {
                let saved = self.archive.save(NO_RUN, &listeners, self.base.context.now()).await;
                self.base.context.record(Measurement::PlaybackSaved { ok: saved.is_ok() });
                saved?;
            }
            self.note_saved(session, &batch).await?;
            if batch.len() < BATCH {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn take_office(&self, session: &Session, length: Duration) -> Result<bool, Fault> {
        let Base { keys, scripts, me, .. } = &*self.base;
        let mut script = scripts.own.key(keys.archivist());
        script.arg(me.to_string()).arg(u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
        session.call("say who writes to the archive", &script).await
    }

    /// Those that were deleted while somebody wrote them.
    async fn forget(&self, session: &Session) -> Result<(), PlaybackStoreError> {
        let key = self.base.keys.forgotten();
        let mut some = redis::cmd("SRANDMEMBER");
        let some: Vec<String> = session.ask("tell who was deleted", some.arg(&key).arg(BATCH)).await?;
        for name in some {
            self.archive.forget(account(&name)?).await?;
            let mut done = redis::cmd("SREM");
            session.ask::<()>("note who was deleted", done.arg(&key).arg(name)).await?;
        }
        Ok(())
    }

    async fn read(&self, session: &Session) -> Result<Vec<Dirty>, Fault> {
        let keys = &self.base.keys;
        let mut oldest = redis::cmd("ZRANGE");
        oldest.arg(keys.dirty()).arg(0).arg(BATCH - 1).arg("WITHSCORES");
        let dirty: Vec<(String, f64)> = session.ask("tell who has changed", &oldest).await?;
        if dirty.is_empty() {
            return Ok(Vec::new());
        }
        let accounts = dirty.iter().map(|(name, _)| account(name)).collect::<Result<Vec<_>, _>>()?;
        let (mut states, mut devices) = (redis::pipe(), redis::pipe());
        for account in &accounts {
            states.cmd("HMGET").arg(keys.state(*account)).arg(&["run", "state", "saved"]);
            devices.cmd("HVALS").arg(keys.devices(*account));
        }
        type State = (Option<String>, Option<String>, Option<i64>);
        let states: Vec<State> = session.ask_all("read states", &states).await?;
        let devices: Vec<Vec<String>> = session.ask_all("read devices", &devices).await?;
        let since = states.iter().map(|(_, _, saved)| saved.unwrap_or(i64::MIN));
        let commands = self.commands(session, accounts.iter().copied().zip(since).collect()).await?;
        let mut batch = Vec::with_capacity(accounts.len());
        for (n, (account, commands)) in accounts.into_iter().zip(commands).enumerate() {
            let (run, state, _) = &states[n];
            // What is of another run may be older than what the archive has: whoever needs it restores it.
            let state = state.as_ref().filter(|_| run.as_ref() == Some(&session.run));
            let commands_until = commands.last().map(|(_, at)| at.as_microsecond());
            // More may wait: then it stays as it is.
            let is_all = commands.len() < COMMANDS;
            let saved = match state {
                Some(state) => Some(Saved {
                    account,
                    state: Some(decode_state(state)?),
                    devices: Some(known(&devices[n])?),
                    commands,
                }),
                None => None,
            };
            // As floating-point numbers, which hold them exactly.
            let changed = if is_all { dirty[n].1 as i64 } else { 0 };
            batch.push(Dirty { account, changed, saved, commands_until });
        }
        Ok(batch)
    }

    /// The commands since the last that the archive has, oldest first.
    async fn commands(
        &self,
        session: &Session,
        of: Vec<(AccountId, i64)>,
    ) -> Result<Vec<Vec<(AppliedCommand, Timestamp)>>, Fault> {
        let keys = &self.base.keys;
        let mut order = redis::pipe();
        for (account, since) in &of {
            let since = if *since == i64::MIN { "-inf".to_owned() } else { since.to_string() };
            order.cmd("ZRANGEBYSCORE").arg(keys.order(*account)).arg(since).arg("+inf");
            order.arg("LIMIT").arg(0).arg(COMMANDS);
        }
        let ids: Vec<Vec<String>> = session.ask_all("tell the order of commands", &order).await?;
        let mut bodies = redis::pipe();
        for ((account, _), ids) in of.iter().zip(&ids).filter(|(_, ids)| !ids.is_empty()) {
            bodies.cmd("HMGET").arg(keys.commands(*account)).arg(ids);
        }
        let bodies: Vec<Vec<Option<String>>> = match bodies.is_empty() {
            true => Vec::new(),
            false => session.ask_all("read commands", &bodies).await?,
        };
        let mut bodies = bodies.into_iter();
        let read = |ids: &Vec<String>| -> Result<Vec<_>, Fault> {
            let found = if ids.is_empty() { Vec::new() } else { bodies.next().unwrap_or_default() };
            let pairs = ids.iter().zip(found).filter_map(|(id, body)| Some((id, body?)));
            pairs.map(|(id, body)| command(id, &body)).collect()
        };
        ids.iter().map(read).collect()
    }

    async fn note_saved(&self, session: &Session, batch: &[Dirty]) -> Result<(), Fault> {
        let Base { keys, scripts, .. } = &*self.base;
        let mut script = scripts.saved.key(keys.dirty());
        for Dirty { account, changed, saved, commands_until } in batch {
            let until = commands_until.filter(|_| saved.is_some()).map(|until| until.to_string());
            script.key(keys.state(*account)).arg(account.to_string()).arg(*changed);
            script.arg(until.unwrap_or_default());
        }
        session.call("note what was written", &script).await
    }
}

fn account(name: &str) -> Result<AccountId, Fault> {
    name.parse::<Uuid>().map(AccountId::from).map_err(|_| Fault::Stored("a list of listeners"))
}

fn known(devices: &[String]) -> Result<Vec<KnownDevice>, Fault> {
    devices.iter().map(|text| decode::<Seen>(text, "a device").map(KnownDevice::from)).collect()
}

fn command(id: &str, body: &str) -> Result<(AppliedCommand, Timestamp), Fault> {
    let id = CommandId::parse(id).map_err(|_| Fault::Stored("a command"))?;
    let remembered: Remembered = decode(body, "a command")?;
    let at = remembered.applied_at()?;
    Ok((remembered.command(id), at))
}
