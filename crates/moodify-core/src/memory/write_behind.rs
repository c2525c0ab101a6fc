//! The truth in memory, written to an archive within a second.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{Notify, OnceCell};
use tokio_util::sync::CancellationToken;

use super::listener::Listener;
use crate::model::{
    AccountId, AppliedCommand, CommandId, Device, DeviceId, Epoch, KnownDevice, PlaybackState,
    PlaybackVersion, earlier,
};
use crate::port::{
    COMMAND_MEMORY, COMMAND_MEMORY_MAX, Ended, Measurement, PlaybackArchive, PlaybackStore,
    PlaybackStoreError, Recalled, Saved,
};
use crate::service::Context;

/// How long a change waits to be written, together with what changes in the meantime.
const DELAY: Duration = Duration::from_millis(500);

/// How many listeners are written in one step.
const BATCH: usize = 200;

/// How long a listener is kept in memory without being asked for. Longer than commands are
/// remembered: whoever is read again has none that count.
const IDLE: Duration = COMMAND_MEMORY.saturating_add(Duration::from_secs(60));

/// A [`PlaybackStore`] for the one process that serves playback: it answers from memory, and
/// writes what has changed to an archive every half second.
///
/// Closed in order, it goes on after a restart as if nothing had been. After a crash the last
/// second may be missing, so every listener's state begins a new epoch when it is read: devices
/// take it whole, and none mistakes it for one that it has seen.
pub struct WriteBehindPlaybackStore {
    archive: Arc<dyn PlaybackArchive>,
    context: Context,
    run: OnceCell<u64>,
    memory: Mutex<Memory>,
    changed: Notify,
    // One write at a time: an older one never comes after a newer one.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Memory {
    listeners: HashMap<AccountId, Held>,
    changed: HashSet<AccountId>,
}

#[derive(Debug, Default)]
struct Held {
    listener: Listener,
    used: Timestamp,
    unsaved: Unsaved,
}

#[derive(Debug, Default)]
struct Unsaved {
    state: bool,
    devices: bool,
    commands: VecDeque<(AppliedCommand, Timestamp)>,
}

impl Unsaved {
    /// Behind what waits. While the archive is down, no more wait than will be remembered.
    fn add_commands(&mut self, commands: impl IntoIterator<Item = (AppliedCommand, Timestamp)>) {
        self.commands.extend(commands);
        let excess = self.commands.len().saturating_sub(COMMAND_MEMORY_MAX);
        self.commands.drain(..excess);
    }
}

impl Held {
    fn recalled(recalled: Option<Recalled>, devices: Vec<KnownDevice>) -> Self {
        let mut held = Self::default();
        if let Some(Recalled { state, commands, .. }) = recalled {
            held.listener.state = Some(state);
            for (command, at) in &commands {
                held.listener.remember(command, *at);
            }
        }
        held.listener.devices = devices.into_iter().map(|known| (known.device.id.clone(), known)).collect();
        held
    }

    fn take_unsaved(&mut self, account: AccountId) -> Saved {
        let Unsaved { state, devices, commands } = std::mem::take(&mut self.unsaved);
        Saved {
            account,
            state: self.listener.state.clone().filter(|_| state),
            devices: devices.then(|| self.listener.devices.values().cloned().collect()),
            commands: commands.into(),
        }
    }

    fn put_back(&mut self, saved: Saved) {
        self.unsaved.state |= saved.state.is_some();
        self.unsaved.devices |= saved.devices.is_some();
        let newer = std::mem::replace(&mut self.unsaved.commands, saved.commands.into());
        self.unsaved.add_commands(newer);
    }
}

impl WriteBehindPlaybackStore {
    /// A store that holds what this archive keeps. [`run`](Self::run) writes,
    /// [`close`](Self::close) ends it.
    pub fn new(archive: Arc<dyn PlaybackArchive>, context: Context) -> Self {
        Self {
            archive,
            context,
            run: OnceCell::new(),
            memory: Mutex::default(),
            changed: Notify::new(),
            writing: tokio::sync::Mutex::default(),
        }
    }

    /// Writes what changes, until told to stop. While the archive is down, memory goes on alone.
    pub async fn run(&self, stop: &CancellationToken) {
        let clock = &*self.context.clock;
        let mut failures = 0;
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.changed.notified() => {}
                () = clock.sleep(IDLE) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                // While the archive is down, less often: up to 10 s.
                () = clock.sleep(DELAY * (1 + failures)) => {}
            }
            match self.flush().await {
                Ok(()) => failures = 0,
                Err(error) => {
                    tracing::error!(%error, "playback states were not written; they are again");
                    failures = (failures + 1).min(19);
                    self.changed.notify_one();
                }
            }
            self.forget_idle();
        }
    }

    /// Writes everything that has changed.
    ///
    /// # Errors
    /// When the archive fails: what was not written still waits.
    pub async fn flush(&self) -> Result<(), PlaybackStoreError> {
        let _writing = self.writing.lock().await;
        loop {
            let batch = self.take_batch();
            if batch.is_empty() {
                return Ok(());
            }
            let saved = async {
                let run = self.opened().await?;
                self.archive.save(run, &batch, self.context.now()).await
            };
            let saved = saved.await;
            self.context.record(Measurement::PlaybackSaved { ok: saved.is_ok() });
            if let Err(error) = saved {
                self.put_back(batch);
                return Err(error);
            }
        }
    }

    /// Writes everything and closes the archive: a start after this one knows that nothing is
    /// missing. Nothing may be asked of the store afterwards.
    ///
    /// # Errors
    /// When the archive fails; then the next start begins new epochs, as after a crash.
    pub async fn close(&self) -> Result<(), PlaybackStoreError> {
        let Some(run) = self.run.get().copied() else { return Ok(()) };
        self.flush().await?;
        self.archive.close(run).await
    }

    fn take_batch(&self) -> Vec<Saved> {
        let mut memory = self.memory();
        let Memory { listeners, changed } = &mut *memory;
        let accounts: Vec<AccountId> = changed.iter().take(BATCH).copied().collect();
        let take = |account| {
            changed.remove(&account);
            listeners.get_mut(&account).map(|held| held.take_unsaved(account))
        };
        accounts.into_iter().filter_map(take).collect()
    }

    fn put_back(&self, batch: Vec<Saved>) {
        let mut memory = self.memory();
        let Memory { listeners, changed } = &mut *memory;
        for saved in batch {
            changed.insert(saved.account);
            if let Some(held) = listeners.get_mut(&saved.account) {
                held.put_back(saved);
            }
        }
    }

    fn forget_idle(&self) {
        let horizon = earlier(self.context.now(), IDLE);
        let mut memory = self.memory();
        let Memory { listeners, changed } = &mut *memory;
        listeners.retain(|account, held| held.used >= horizon || changed.contains(account));
    }

    async fn opened(&self) -> Result<u64, PlaybackStoreError> {
        self.run.get_or_try_init(|| self.archive.open()).await.copied()
    }

    /// Does something with a listener, who is read first if need be.
    async fn with<T>(
        &self,
        account: AccountId,
        act: impl FnOnce(&mut Held) -> T,
    ) -> Result<T, PlaybackStoreError> {
        let now = self.context.now();
        let mut act = Some(act);
        loop {
            if let Some(done) = self.act(account, now, &mut act) {
                return Ok(done);
            }
            self.read(account, now).await?;
        }
    }

    /// `None`, and nothing is done, when the listener is not in memory.
    fn act<T>(
        &self,
        account: AccountId,
        now: Timestamp,
        act: &mut Option<impl FnOnce(&mut Held) -> T>,
    ) -> Option<T> {
        let mut memory = self.memory();
        let Memory { listeners, changed } = &mut *memory;
        let held = listeners.get_mut(&account)?;
        held.used = now;
        let done = act.take()?(held);
        let Unsaved { state, devices, commands } = &held.unsaved;
        if (*state || *devices || !commands.is_empty()) && changed.insert(account) {
            self.changed.notify_one();
        }
        Some(done)
    }

    async fn read(&self, account: AccountId, now: Timestamp) -> Result<(), PlaybackStoreError> {
        let run = self.opened().await?;
        let mut recalled = self.archive.recall(account, now).await?;
        let devices = self.archive.devices(account).await?;
        let may_be_old = recalled.as_ref().is_some_and(|recalled| recalled.run != run);
        if let Some(recalled) = recalled.as_mut().filter(|_| may_be_old) {
            recalled.state.epoch = Epoch::from(crate::model::id::uuid_v7(now, &self.context.random()));
        }
        let mut held = Held::recalled(recalled, devices);
        held.used = now;
        held.unsaved.state = may_be_old;
        // Two may read at once; the first one counts, which may have changed by now.
        self.memory().listeners.entry(account).or_insert(held);
        Ok(())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl PlaybackStore for WriteBehindPlaybackStore {
    async fn load(&self, account: AccountId) -> Result<Option<PlaybackState>, PlaybackStoreError> {
        self.with(account, |held| held.listener.state.clone()).await
    }

    async fn create(&self, account: AccountId, state: &PlaybackState) -> Result<(), PlaybackStoreError> {
        self.with(account, |held| {
            held.listener.create(state)?;
            held.unsaved.state = true;
            Ok(())
        })
        .await?
    }

    async fn replace(
        &self,
        account: AccountId,
        expected: PlaybackVersion,
        state: &PlaybackState,
        command: Option<&AppliedCommand>,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        self.with(account, |held| {
            held.listener.replace(expected, state, command, now)?;
            held.unsaved.state = true;
            held.unsaved.add_commands(command.map(|command| (command.clone(), now)));
            Ok(())
        })
        .await?
    }

    async fn applied(
        &self,
        account: AccountId,
        command: &CommandId,
        now: Timestamp,
    ) -> Result<Option<AppliedCommand>, PlaybackStoreError> {
        self.with(account, |held| held.listener.applied(command, now)).await
    }

    async fn put_device(
        &self,
        account: AccountId,
        device: &Device,
        seen: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        let known = KnownDevice { device: device.clone(), last_seen: seen };
        self.with(account, |held| {
            held.listener.devices.insert(device.id.clone(), known);
            held.unsaved.devices = true;
        })
        .await
    }

    async fn devices(&self, account: AccountId) -> Result<Vec<KnownDevice>, PlaybackStoreError> {
        self.with(account, |held| held.listener.devices.values().cloned().collect()).await
    }

    async fn remove_device(&self, account: AccountId, device: &DeviceId) -> Result<(), PlaybackStoreError> {
        self.with(account, |held| {
            held.unsaved.devices |= held.listener.devices.remove(device).is_some();
        })
        .await
    }

    async fn forget(&self, account: AccountId) -> Result<(), PlaybackStoreError> {
        // Not while something is written: it would be there again.
        let _writing = self.writing.lock().await;
        self.opened().await?;
        self.archive.forget(account).await?;
        let mut memory = self.memory();
        memory.changed.remove(&account);
        memory.listeners.remove(&account);
        Ok(())
    }

    // At once: whoever was told to forget it does not come again.
    async fn note_ended(
        &self,
        who: Ended,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        self.archive.note_ended(who, until, now).await
    }

    async fn has_ended(&self, who: &[Ended]) -> Result<bool, PlaybackStoreError> {
        self.archive.has_ended(who).await
    }
}
