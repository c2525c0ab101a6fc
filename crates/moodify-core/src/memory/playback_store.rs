use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;

use super::listener::Listener;
use crate::model::{
    AccountId, AppliedCommand, CommandId, Device, DeviceId, KnownDevice, PlaybackState, PlaybackVersion,
};
use crate::port::{Ended, PlaybackArchive, PlaybackStore, PlaybackStoreError, Recalled, Saved};

/// How many listeners are remembered; beyond, those that were not heard of for longest are
/// forgotten.
const MAX_LISTENERS: usize = 100_000;

/// Playback states in memory; a restart begins new epochs.
#[derive(Debug, Default)]
pub struct MemoryPlaybackStore {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    listeners: HashMap<AccountId, Entry>,
    ended: HashMap<Ended, Timestamp>,
    // Counts the writes: who was not written for longest has the smallest.
    writes: u64,
    run: u64,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Entry {
    listener: Listener,
    written: u64,
    run: u64,
}

impl Tables {
    fn write(&mut self, account: AccountId) -> &mut Entry {
        if self.listeners.len() >= MAX_LISTENERS && !self.listeners.contains_key(&account) {
            self.make_room();
        }
        self.writes += 1;
        let entry = self.listeners.entry(account).or_default();
        entry.written = self.writes;
        entry.run = 0;
        entry
    }

    // A tenth at a time: looking for them takes a while.
    fn make_room(&mut self) {
        let mut written: Vec<u64> = self.listeners.values().map(|entry| entry.written).collect();
        let (_, last, _) = written.select_nth_unstable(MAX_LISTENERS / 10);
        let last = *last;
        self.listeners.retain(|_, entry| entry.written > last);
    }
}

impl MemoryPlaybackStore {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl PlaybackStore for MemoryPlaybackStore {
    async fn load(&self, account: AccountId) -> Result<Option<PlaybackState>, PlaybackStoreError> {
        Ok(self.tables().listeners.get(&account).and_then(|entry| entry.listener.state.clone()))
    }

    async fn create(&self, account: AccountId, state: &PlaybackState) -> Result<(), PlaybackStoreError> {
        self.tables().write(account).listener.create(state)
    }

    async fn replace(
        &self,
        account: AccountId,
        expected: PlaybackVersion,
        state: &PlaybackState,
        command: Option<&AppliedCommand>,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        self.tables().write(account).listener.replace(expected, state, command, now)
    }

    async fn applied(
        &self,
        account: AccountId,
        command: &CommandId,
        now: Timestamp,
    ) -> Result<Option<AppliedCommand>, PlaybackStoreError> {
        Ok(self.tables().listeners.get(&account).and_then(|entry| entry.listener.applied(command, now)))
    }

    async fn put_device(
        &self,
        account: AccountId,
        device: &Device,
        seen: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        let known = KnownDevice { device: device.clone(), last_seen: seen };
        self.tables().write(account).listener.devices.insert(device.id.clone(), known);
        Ok(())
    }

    async fn devices(&self, account: AccountId) -> Result<Vec<KnownDevice>, PlaybackStoreError> {
        let tables = self.tables();
        let known =
            tables.listeners.get(&account).map(|entry| entry.listener.devices.values().cloned().collect());
        Ok(known.unwrap_or_default())
    }

    async fn remove_device(&self, account: AccountId, device: &DeviceId) -> Result<(), PlaybackStoreError> {
        if let Some(entry) = self.tables().listeners.get_mut(&account) {
            entry.listener.devices.remove(device);
        }
        Ok(())
    }

    async fn forget(&self, account: AccountId) -> Result<(), PlaybackStoreError> {
        self.tables().listeners.remove(&account);
        Ok(())
    }

    async fn note_ended(
        &self,
        who: Ended,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        let ended = &mut self.tables().ended;
        ended.retain(|_, until| *until > now);
        let noted = ended.entry(who).or_insert(until);
        *noted = until.max(*noted);
        Ok(())
    }

    async fn has_ended(&self, who: &[Ended]) -> Result<bool, PlaybackStoreError> {
        let tables = self.tables();
        Ok(who.iter().any(|who| tables.ended.contains_key(who)))
    }
}

#[async_trait]
impl PlaybackArchive for MemoryPlaybackStore {
    async fn open(&self) -> Result<u64, PlaybackStoreError> {
        let mut tables = self.tables();
        if !tables.is_closed {
            tables.run += 1;
        }
        tables.is_closed = false;
        Ok(tables.run)
    }

    async fn recall(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<Recalled>, PlaybackStoreError> {
        let tables = self.tables();
        let recalled = tables.listeners.get(&account).and_then(|entry| {
            let (state, commands) = (entry.listener.state.clone()?, entry.listener.all_applied(now));
            Some(Recalled { state, run: entry.run, commands })
        });
        Ok(recalled)
    }

    async fn save(&self, run: u64, listeners: &[Saved], _now: Timestamp) -> Result<(), PlaybackStoreError> {
        let mut tables = self.tables();
        for saved in listeners {
            let before = tables.listeners.get(&saved.account).map_or(0, |entry| entry.run);
            let entry = tables.write(saved.account);
            entry.run = before;
            if let Some(state) = &saved.state {
                entry.listener.state = Some(state.clone());
                entry.run = run;
            }
            if let Some(devices) = &saved.devices {
                let devices = devices.iter().map(|known| (known.device.id.clone(), known.clone()));
                entry.listener.devices = devices.collect();
            }
            for (command, at) in &saved.commands {
                entry.listener.remember(command, *at);
            }
        }
        Ok(())
    }

    async fn close(&self, run: u64) -> Result<(), PlaybackStoreError> {
        let mut tables = self.tables();
        tables.is_closed = tables.run == run;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::Epoch;

    #[tokio::test]
    async fn those_not_heard_of_for_longest_make_room() {
        let store = MemoryPlaybackStore::default();
        let state = PlaybackState::initial(Epoch::from(Uuid::nil()), Timestamp::UNIX_EPOCH);
        let account = |n: usize| AccountId::from(Uuid::from_u128(n as u128));
        for n in 0..MAX_LISTENERS {
            store.create(account(n), &state).await.unwrap();
        }
        let next = PlaybackState { rev: 1, ..state.clone() };
        store.replace(account(0), state.version(), &next, None, Timestamp::UNIX_EPOCH).await.unwrap();
        store.create(account(MAX_LISTENERS), &state).await.unwrap();
        for n in [0, MAX_LISTENERS - 1, MAX_LISTENERS] {
            assert!(store.load(account(n)).await.unwrap().is_some());
        }
        assert!(
            store.load(account(1)).await.unwrap().is_none() && store.tables().listeners.len() < MAX_LISTENERS
        );
    }
}
