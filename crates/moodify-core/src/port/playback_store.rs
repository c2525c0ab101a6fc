use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Ended, Unavailable};
use crate::model::{
    AccountId, AppliedCommand, CommandId, Device, DeviceId, KnownDevice, PlaybackState, PlaybackVersion,
};

/// The truth about a listener's playback, and the listener's devices.
///
/// A read that begins after a write has returned sees it, from every process. A store that may
/// lose what it holds (a cache) loses a listener's state whole: `load` then returns `None`, and the
/// service begins a new epoch.
#[async_trait]
pub trait PlaybackStore: Send + Sync {
    /// The listener's state; `None` when there is none.
    async fn load(&self, account: AccountId) -> Result<Option<PlaybackState>, PlaybackStoreError>;

    /// Stores the first state of an epoch.
    ///
    /// # Errors
    /// [`PlaybackStoreError::Conflict`] if the listener has a state. Of concurrent calls exactly one
    /// succeeds.
    async fn create(&self, account: AccountId, state: &PlaybackState) -> Result<(), PlaybackStoreError>;

    /// Replaces the state that is at `expected`, and remembers the command that asked for it (if one
    /// did), in one atomic step. This is the only way a state changes.
    ///
    /// # Errors
    /// [`PlaybackStoreError::Conflict`], with nothing changed, if the state is no longer at
    /// `expected` or there is none. Of concurrent calls with one `expected` exactly one succeeds.
    async fn replace(
        &self,
        account: AccountId,
        expected: PlaybackVersion,
        state: &PlaybackState,
        command: Option<&AppliedCommand>,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError>;

    /// The command with this key, if [`replace`](Self::replace) has remembered it for the listener
    /// less than [`COMMAND_MEMORY`] before `now`; else `None`. Older ones than the newest
    /// [`COMMAND_MEMORY_MAX`] of a listener may be forgotten sooner.
    async fn applied(
        &self,
        account: AccountId,
        command: &CommandId,
        now: Timestamp,
    ) -> Result<Option<AppliedCommand>, PlaybackStoreError>;

    /// Adds the device, or replaces what is known of it, and notes that it was there at `seen`.
    /// Other listeners' devices may have the same id: they are others.
    async fn put_device(
        &self,
        account: AccountId,
        device: &Device,
        seen: Timestamp,
    ) -> Result<(), PlaybackStoreError>;

    /// The listener's devices, in the order of their ids.
    async fn devices(&self, account: AccountId) -> Result<Vec<KnownDevice>, PlaybackStoreError>;

    /// Forgets a device; nothing happens when it is not known.
    async fn remove_device(&self, account: AccountId, device: &DeviceId) -> Result<(), PlaybackStoreError>;

    /// Forgets all that is known of the listener: state, commands and devices. Nothing happens when
    /// nothing is known.
    async fn forget(&self, account: AccountId) -> Result<(), PlaybackStoreError>;

    /// Notes that an account or a session has ended, and may forget those that may be forgotten by
    /// `now`. This one may be from `until` on. Doing it twice is no error: the later `until` counts.
    async fn note_ended(
        &self,
        who: Ended,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError>;

    /// Whether one of these was noted and not forgotten yet.
    async fn has_ended(&self, who: &[Ended]) -> Result<bool, PlaybackStoreError>;
}

/// For how long a [`PlaybackStore`] remembers a command.
pub const COMMAND_MEMORY: Duration = Duration::from_secs(10 * 60);

/// How many commands of one listener a [`PlaybackStore`] remembers at least: with it, nobody can
/// fill the store.
pub const COMMAND_MEMORY_MAX: usize = 10_000;

/// Why a [`PlaybackStore`] failed.
#[derive(Debug, thiserror::Error)]
pub enum PlaybackStoreError {
    /// Somebody else changed the state first.
    #[error("the playback state has changed in between")]
    Conflict,
    /// The technology failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
