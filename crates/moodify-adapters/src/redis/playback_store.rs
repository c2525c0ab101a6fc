//! The port, with every change in one script.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use moodify_core::model::{
    AccountId, AppliedCommand, CommandId, Device, DeviceId, KnownDevice, PlaybackState, PlaybackVersion,
    Timestamp, earlier,
};
use moodify_core::port::{
    COMMAND_MEMORY, COMMAND_MEMORY_MAX, Ended, PlaybackArchive, PlaybackStore, PlaybackStoreError, Recalled,
};
use redis::Pipeline;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::Fault;
use super::server::Base;
use super::session::Session;
use crate::hub::Tasks;

/// How often a state is looked for that others restore at the same time.
const MAX_TRIES: usize = 4;

/// Playback states on Redis, for any number of processes.
pub struct RedisPlaybackStore {
    base: Arc<Base>,
    archive: Option<Arc<dyn PlaybackArchive>>,
    _tasks: Arc<Tasks>,
}

/// A state that is there, as it is written.
type Written = (String, String);

impl RedisPlaybackStore {
    pub(super) fn new(base: Arc<Base>, archive: Option<Arc<dyn PlaybackArchive>>, tasks: Arc<Tasks>) -> Self {
        Self { base, archive, _tasks: tasks }
    }

    fn keep(&self) -> u64 {
        u64::try_from(self.base.config.keep.as_millis()).unwrap_or(u64::MAX)
    }

    /// The account, where somebody has to write what changes to an archive.
    fn dirty(&self, account: AccountId) -> String {
        self.archive.as_ref().map(|_| account.to_string()).unwrap_or_default()
    }

    /// The state, if it is of this run, or else what there is instead.
    async fn find(
        &self,
        session: &Session,
        account: AccountId,
    ) -> Result<Result<PlaybackState, Option<Written>>, Fault> {
        let Base { keys, scripts, .. } = &*self.base;
        let mut script = scripts.load.key(keys.state(account));
        script.arg(&session.run);
        type Found = (bool, Option<String>, Option<String>);
        let (is_current, version, state): Found = session.call("read a state", &script).await?;
        let there = version.zip(state);
        match there {
            Some((_, state)) if is_current => Ok(Ok(decode_state(&state)?)),
            there => Ok(Err(there)),
        }
    }

    /// Puts the newest state that there is, here or in the archive, under a new epoch: what was answered
    /// after it may be lost. Returns whether there is one.
    async fn restore(
        &self,
        session: &Session,
        account: AccountId,
        there: Option<Written>,
    ) -> Result<bool, PlaybackStoreError> {
        let now = self.base.context.now();
        let (version, here) = there.unzip();
        let here = here.as_deref().map(decode_state).transpose()?;
        let (archived, commands, devices) = match &self.archive {
            Some(archive) => recall(&**archive, account, now).await?,
            None => Default::default(),
        };
        // Epochs are named in the order of their beginnings.
        let newest = [here, archived].into_iter().flatten().max_by_key(|s| (s.epoch.as_uuid(), s.rev));
        let Some(mut state) = newest else { return Ok(false) };
        state.epoch = self.base.context.new_id::<Uuid>().into();
        let Base { keys, scripts, .. } = &*self.base;
        let mut script = scripts.restore.key(keys.state(account));
        script.key(keys.commands(account)).key(keys.order(account)).key(keys.devices(account));
        script.key(keys.dirty()).arg(&session.run).arg(version.unwrap_or_default());
        script.arg(written(state.version())).arg(encode(&state)?).arg(self.keep());
        script.arg(now.as_microsecond()).arg(self.dirty(account)).arg(commands.len());
        for (command, at) in &commands {
            script.arg(command.id.as_str()).arg(encode(&Remembered::new(command, *at))?);
            script.arg(at.as_microsecond());
        }
        for known in &devices {
            script.arg(known.device.id.as_str()).arg(encode(&Seen::from(known))?);
        }
        // If somebody else was faster, theirs is as good.
        let _: bool = session.call("restore a state", &script).await?;
        tracing::debug!(%account, "a playback state goes on in a new epoch");
        Ok(true)
    }

    fn mark_dirty(&self, commands: &mut Pipeline, account: AccountId) {
        if self.archive.is_some() {
            let now = self.base.context.now().as_microsecond();
            commands.cmd("ZADD").arg(self.base.keys.dirty()).arg(now).arg(account.to_string()).ignore();
        }
    }
}

type Archived = (Option<PlaybackState>, Vec<(AppliedCommand, Timestamp)>, Vec<KnownDevice>);

async fn recall(
    archive: &dyn PlaybackArchive,
    account: AccountId,
    now: Timestamp,
) -> Result<Archived, PlaybackStoreError> {
    let Some(Recalled { state, commands, .. }) = archive.recall(account, now).await? else {
        return Ok(Archived::default());
    };
    Ok((Some(state), commands, archive.devices(account).await?))
}

#[async_trait]
impl PlaybackStore for RedisPlaybackStore {
    async fn load(&self, account: AccountId) -> Result<Option<PlaybackState>, PlaybackStoreError> {
        let session = self.base.link.session()?;
        for _ in 0..MAX_TRIES {
            match self.find(&session, account).await? {
                Ok(state) => return Ok(Some(state)),
                Err(there) => {
                    if !self.restore(&session, account, there).await? {
                        return Ok(None);
                    }
                }
            }
        }
        Err(Fault::NotNow("keep a state", "it is gone again and again".to_owned()).into())
    }

    async fn create(&self, account: AccountId, state: &PlaybackState) -> Result<(), PlaybackStoreError> {
        let session = self.base.link.session()?;
        let Base { context, keys, scripts, .. } = &*self.base;
        let mut script = scripts.create.key(keys.state(account));
        script.key(keys.dirty()).arg(&session.run).arg(written(state.version())).arg(encode(state)?);
        script.arg(self.keep()).arg(context.now().as_microsecond()).arg(self.dirty(account));
        conflict_unless(session.call("store a state", &script).await?)
    }

    async fn replace(
        &self,
        account: AccountId,
        expected: PlaybackVersion,
        state: &PlaybackState,
        command: Option<&AppliedCommand>,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        let session = self.base.link.session()?;
        let Base { keys, scripts, .. } = &*self.base;
        let mut script = scripts.replace.key(keys.state(account));
        script.key(keys.commands(account)).key(keys.order(account)).key(keys.dirty());
        script.arg(&session.run).arg(written(expected)).arg(written(state.version())).arg(encode(state)?);
        script.arg(self.keep()).arg(now.as_microsecond()).arg(self.dirty(account));
        if let Some(command) = command {
            script.arg(command.id.as_str()).arg(encode(&Remembered::new(command, now))?);
            script.arg(earlier(now, COMMAND_MEMORY).as_microsecond()).arg(COMMAND_MEMORY_MAX);
        }
        conflict_unless(session.call("replace a state", &script).await?)
    }

    async fn applied(
        &self,
        account: AccountId,
        command: &CommandId,
        now: Timestamp,
    ) -> Result<Option<AppliedCommand>, PlaybackStoreError> {
        let session = self.base.link.session()?;
        let Base { keys, scripts, .. } = &*self.base;
        let mut script = scripts.applied.key(keys.state(account));
        script.key(keys.commands(account)).arg(&session.run).arg(command.as_str());
        let ask = async || session.call::<(bool, Option<String>)>("look for a command", &script).await;
        let (is_current, mut found) = ask().await?;
        // The archive may know it.
        if !is_current && self.load(account).await?.is_some() {
            (_, found) = ask().await?;
        }
        let Some(found) = found else { return Ok(None) };
        let remembered: Remembered = decode(&found, "a command")?;
        let counts = remembered.applied_us > earlier(now, COMMAND_MEMORY).as_microsecond();
        Ok(counts.then(|| remembered.command(command.clone())))
    }

    async fn put_device(
        &self,
        account: AccountId,
        device: &Device,
        seen: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        let (session, key) = (self.base.link.session()?, self.base.keys.devices(account));
        let seen = encode(&Seen { device: device.clone(), last_seen: seen })?;
        let mut commands = redis::pipe();
        commands.atomic().cmd("HSET").arg(&key).arg(device.id.as_str()).arg(seen).ignore();
        commands.cmd("PEXPIRE").arg(&key).arg(self.keep()).ignore();
        self.mark_dirty(&mut commands, account);
        Ok(session.ask_all("store a device", &commands).await?)
    }

    async fn devices(&self, account: AccountId) -> Result<Vec<KnownDevice>, PlaybackStoreError> {
        let (session, keys) = (self.base.link.session()?, &self.base.keys);
        let mut commands = redis::pipe();
        commands.cmd("HGET").arg(keys.state(account)).arg("run").cmd("HVALS").arg(keys.devices(account));
        let ask = async || {
            session
                .ask_all::<(Option<String>, Vec<String>)>("tell the devices of a listener", &commands)
                .await
        };
        let (run, mut found) = ask().await?;
        // The archive may know more.
        if run.as_ref() != Some(&session.run) && self.load(account).await?.is_some() {
            (_, found) = ask().await?;
        }
        let read = |text: &String| decode::<Seen>(text, "a device").map(KnownDevice::from);
        let mut known = found.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        known.sort_by(|a, b| a.device.id.cmp(&b.device.id));
        Ok(known)
    }

    async fn remove_device(&self, account: AccountId, device: &DeviceId) -> Result<(), PlaybackStoreError> {
        let session = self.base.link.session()?;
        let mut commands = redis::pipe();
        commands.atomic().cmd("HDEL").arg(self.base.keys.devices(account)).arg(device.as_str()).ignore();
        self.mark_dirty(&mut commands, account);
        Ok(session.ask_all("forget a device", &commands).await?)
    }

    async fn forget(&self, account: AccountId) -> Result<(), PlaybackStoreError> {
        let (session, keys) = (self.base.link.session()?, &self.base.keys);
        let name = account.to_string();
        let mut commands = redis::pipe();
        commands.atomic().cmd("DEL").arg(keys.state(account)).arg(keys.devices(account));
        commands.arg(keys.commands(account)).arg(keys.order(account)).ignore();
        commands.cmd("ZREM").arg(keys.dirty()).arg(&name).ignore();
        if self.archive.is_some() {
            // Whoever writes to the archive just now may have read it before.
            commands.cmd("SADD").arg(keys.forgotten()).arg(&name).ignore();
        }
        session.ask_all::<()>("forget a listener", &commands).await?;
        match &self.archive {
            Some(archive) => archive.forget(account).await,
            None => Ok(()),
        }
    }

    async fn note_ended(
        &self,
        who: Ended,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        // What is lost here must not let anybody in.
        if let Some(archive) = &self.archive {
            return archive.note_ended(who, until, now).await;
        }
        let (session, key) = (self.base.link.session()?, self.ended(who));
        let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
        let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut commands = redis::pipe();
        commands.cmd("SET").arg(&key).arg(1).arg("PX").arg(left).arg("NX").ignore();
        commands.cmd("PEXPIRE").arg(&key).arg(left).arg("GT").ignore();
        Ok(session.ask_all("note who has ended", &commands).await?)
    }

    async fn has_ended(&self, who: &[Ended]) -> Result<bool, PlaybackStoreError> {
        if let Some(archive) = &self.archive {
            return archive.has_ended(who).await;
        }
        if who.is_empty() {
            return Ok(false);
        }
        let session = self.base.link.session()?;
        let mut exists = redis::cmd("EXISTS");
        who.iter().for_each(|who| {
            exists.arg(self.ended(*who));
        });
        let count: u64 = session.ask("tell who has ended", &exists).await?;
        Ok(count > 0)
    }
}

impl RedisPlaybackStore {
    /// No account has the identifier of a session.
    fn ended(&self, who: Ended) -> String {
        self.base.keys.ended(match who {
            Ended::Account(id) => id.as_uuid(),
            Ended::Session(id) => id.as_uuid(),
        })
    }
}

/// A command, by its key.
#[derive(Serialize, Deserialize)]
pub(super) struct Remembered {
    version: PlaybackVersion,
    at_us: i64,
    applied_us: i64,
}

impl Remembered {
    fn new(command: &AppliedCommand, at: Timestamp) -> Self {
        Self { version: command.version, at_us: command.at_us, applied_us: at.as_microsecond() }
    }

    /// What was answered, under its key.
    pub(super) fn command(&self, id: CommandId) -> AppliedCommand {
        AppliedCommand { id, version: self.version, at_us: self.at_us }
    }

    /// When it was applied.
    pub(super) fn applied_at(&self) -> Result<Timestamp, Fault> {
        Timestamp::from_microsecond(self.applied_us).map_err(|_| Fault::Stored("a command"))
    }
}

/// A device, by its id.
#[derive(Serialize, Deserialize)]
pub(super) struct Seen {
    device: Device,
    last_seen: Timestamp,
}

impl From<&KnownDevice> for Seen {
    fn from(known: &KnownDevice) -> Self {
        Self { device: known.device.clone(), last_seen: known.last_seen }
    }
}

impl From<Seen> for KnownDevice {
    fn from(Seen { device, last_seen }: Seen) -> Self {
        Self { device, last_seen }
    }
}

/// As it is compared.
fn written(version: PlaybackVersion) -> String {
    format!("{}:{}", version.epoch.as_uuid(), version.rev)
}

fn encode(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::encode)
}

pub(super) fn decode<'a, T: Deserialize<'a>>(text: &'a str, what: &'static str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|_| Fault::Stored(what))
}

pub(super) fn decode_state(text: &str) -> Result<PlaybackState, Fault> {
    decode(text, "a playback state")
}

fn conflict_unless(changed: bool) -> Result<(), PlaybackStoreError> {
    if changed { Ok(()) } else { Err(PlaybackStoreError::Conflict) }
}
