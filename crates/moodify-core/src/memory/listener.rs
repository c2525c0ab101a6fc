//! What is known of one listener's playback, in memory.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;

use crate::model::{AppliedCommand, CommandId, DeviceId, KnownDevice, PlaybackState, PlaybackVersion};
use crate::port::{COMMAND_MEMORY, COMMAND_MEMORY_MAX, PlaybackStoreError};

#[derive(Debug, Default)]
pub(super) struct Listener {
    pub(super) state: Option<PlaybackState>,
    pub(super) devices: BTreeMap<DeviceId, KnownDevice>,
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
    pub(super) fn create(&mut self, state: &PlaybackState) -> Result<(), PlaybackStoreError> {
        if self.state.is_some() {
            return Err(PlaybackStoreError::Conflict);
        }
        self.state = Some(state.clone());
        Ok(())
    }

    pub(super) fn replace(
        &mut self,
        expected: PlaybackVersion,
        state: &PlaybackState,
        command: Option<&AppliedCommand>,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        if self.state.as_ref().is_none_or(|current| current.version() != expected) {
            return Err(PlaybackStoreError::Conflict);
        }
        self.state = Some(state.clone());
        if let Some(command) = command {
            self.remember(command, now);
        }
        Ok(())
    }

    pub(super) fn remember(&mut self, command: &AppliedCommand, now: Timestamp) {
        if self.commands.get(&command.id).is_some_and(|there| there.at == now && there.command == *command) {
            return;
        }
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

    pub(super) fn applied(&self, command: &CommandId, now: Timestamp) -> Option<AppliedCommand> {
        let remembered = self.commands.get(command).filter(|remembered| is_remembered(remembered.at, now))?;
        Some(remembered.command.clone())
    }

    /// Those that are still remembered, oldest first.
    pub(super) fn all_applied(&self, now: Timestamp) -> Vec<(AppliedCommand, Timestamp)> {
        let remembered = self.order.iter().filter_map(|(at, id)| {
            let remembered = self.commands.get(id)?;
            (remembered.at == *at && is_remembered(*at, now)).then(|| (remembered.command.clone(), *at))
        });
        remembered.collect()
    }
}

fn is_remembered(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).unsigned_abs() < COMMAND_MEMORY || now < at
}
