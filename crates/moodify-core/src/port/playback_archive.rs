use async_trait::async_trait;
use jiff::Timestamp;

use super::{PlaybackStore, PlaybackStoreError};
use crate::model::{AccountId, AppliedCommand, KnownDevice, PlaybackState};

/// A [`PlaybackStore`] that can also be written now and then by one process that holds the truth in
/// memory: many listeners in one step, and with a memory of whether that process closed it.
///
/// While a process writes it this way, no other one may, in whatever way.
#[async_trait]
pub trait PlaybackArchive: PlaybackStore {
    /// Takes the archive into use. Returns the number of this run: the same as before if the one
    /// who used it last has [closed](Self::close) it, a higher one if not. From 1.
    async fn open(&self) -> Result<u64, PlaybackStoreError>;

    /// What was saved of a listener's playback; `None` when there is no state. Devices are
    /// [read](PlaybackStore::devices) apart.
    async fn recall(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<Recalled>, PlaybackStoreError>;

    /// Writes all of it in one atomic step, over whatever is there.
    async fn save(&self, run: u64, listeners: &[Saved], now: Timestamp) -> Result<(), PlaybackStoreError>;

    /// Everything is written: the next one to [open](Self::open) it goes on with this run.
    async fn close(&self, run: u64) -> Result<(), PlaybackStoreError>;
}

/// What an archive knows of a listener's playback.
#[derive(Clone, Debug, PartialEq)]
pub struct Recalled {
    /// The state as it was saved last.
    pub state: PlaybackState,
    /// The run that saved it; 0 when it was not saved but written as by any
    /// [`PlaybackStore`]. If that run was not closed, what it did last may be missing.
    pub run: u64,
    /// The commands that are still remembered, with the moment they were applied, oldest first.
    pub commands: Vec<(AppliedCommand, Timestamp)>,
}

/// What changed of a listener since it was saved last.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Whose playback.
    pub account: AccountId,
    /// The state, if it changed.
    pub state: Option<PlaybackState>,
    /// All devices, if any changed.
    pub devices: Option<Vec<KnownDevice>>,
    /// The commands that were applied since, with the moment, oldest first.
    pub commands: Vec<(AppliedCommand, Timestamp)>,
}
