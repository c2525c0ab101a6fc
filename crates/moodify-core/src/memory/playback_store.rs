use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::model::{
    AccountId, AppliedCommand, CommandId, Device, DeviceId, KnownDevice, PlaybackState, PlaybackVersion,
};
use crate::port::{COMMAND_MEMORY, COMMAND_MEMORY_MAX, PlaybackStore, PlaybackStoreError};

/// Playback states in memory; a restart begins new epochs.
#[derive(Debug, Default)]
pub struct MemoryPlaybackStore {
    listeners: Mutex<HashMap<AccountId, Listener>>,
}

#[derive(Debug, Default)]
struct Listener {
    state: Option<PlaybackState>,
    devices: BTreeMap<DeviceId, KnownDevice>,
    commands: HashMap<CommandId, Remembered>,
    // Oldest first: what to forget next.
    order: VecDeque<(Timestamp, CommandId)>,
}

#[derive(Debug)]
struct Remembered {
    command: AppliedCommand,
    at: Timestamp,
}

impl Listener {
    fn remember(&mut self, command: &AppliedCommand, now: Timestamp) {
        self.commands.insert(command.id.clone(), Remembered { command: command.clone(), at: now });
        self.order.push_back((now, command.id.clone()));
        while self
            .order
            .front()
            .is_some_and(|(at, _)| self.order.len() > COMMAND_MEMORY_MAX || !is_remembered(*at, now))
        {
            if let Some((at, id)) = self.order.pop_front()
                && self.commands.get(&id).is_some_and(|remembered| remembered.at == at)
            {
                self.commands.remove(&id);
            }
        }
    }
}

fn is_remembered(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).unsigned_abs() < COMMAND_MEMORY || now < at
}

impl MemoryPlaybackStore {
    fn listeners(&self) -> MutexGuard<'_, HashMap<AccountId, Listener>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl PlaybackStore for MemoryPlaybackStore {
    async fn load(&self, account: AccountId) -> Result<Option<PlaybackState>, PlaybackStoreError> {
        Ok(self.listeners().get(&account).and_then(|listener| listener.state.clone()))
    }

    async fn create(&self, account: AccountId, state: &PlaybackState) -> Result<(), PlaybackStoreError> {
        let mut listeners = self.listeners();
        let current = &mut listeners.entry(account).or_default().state;
        if current.is_some() {
            return Err(PlaybackStoreError::Conflict);
        }
        *current = Some(state.clone());
        Ok(())
    }

    async fn replace(
        &self,
        account: AccountId,
        expected: PlaybackVersion,
        state: &PlaybackState,
        command: Option<&AppliedCommand>,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        let mut listeners = self.listeners();
        let listener = listeners
            .get_mut(&account)
            .filter(|listener| listener.state.as_ref().is_some_and(|current| current.version() == expected))
            .ok_or(PlaybackStoreError::Conflict)?;
        listener.state = Some(state.clone());
        if let Some(command) = command {
            listener.remember(command, now);
        }
        Ok(())
    }

    async fn applied(
        &self,
        account: AccountId,
        command: &CommandId,
        now: Timestamp,
    ) -> Result<Option<AppliedCommand>, PlaybackStoreError> {
        Ok(self
            .listeners()
            .get(&account)
            .and_then(|listener| listener.commands.get(command))
            .filter(|remembered| is_remembered(remembered.at, now))
            .map(|remembered| remembered.command.clone()))
    }

    async fn put_device(
        &self,
        account: AccountId,
        device: &Device,
        seen: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        let known = KnownDevice { device: device.clone(), last_seen: seen };
        self.listeners().entry(account).or_default().devices.insert(device.id.clone(), known);
        Ok(())
    }

    async fn devices(&self, account: AccountId) -> Result<Vec<KnownDevice>, PlaybackStoreError> {
        Ok(self
            .listeners()
            .get(&account)
            .map(|listener| listener.devices.values().cloned().collect())
            .unwrap_or_default())
    }

    async fn remove_device(&self, account: AccountId, device: &DeviceId) -> Result<(), PlaybackStoreError> {
        if let Some(listener) = self.listeners().get_mut(&account) {
            listener.devices.remove(device);
        }
        Ok(())
    }

    async fn forget(&self, account: AccountId) -> Result<(), PlaybackStoreError> {
        self.listeners().remove(&account);
        Ok(())
    }
}
