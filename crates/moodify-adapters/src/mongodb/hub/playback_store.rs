//! The port, for several processes at once. Every change compares (epoch, rev) in the database as it is.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use moodify_core::model::{
    AccountId, AppliedCommand, CommandId, Device, DeviceId, KnownDevice, PlaybackState, PlaybackVersion,
    Timestamp,
};
use moodify_core::port::{Ended, PlaybackStore, PlaybackStoreError, Unavailable};
use uuid::Uuid;

use super::base::Base;
use super::error::Fault;
use crate::mongodb::error::Fault as DatabaseFault;

/// How often a state is looked for that others change at the same time.
const MAX_TRIES: usize = 4;

/// Playback states in a MongoDB database, for any number of processes.
///
/// What one process with `local:` has written from its memory it may have lost in part: such a state goes on in
/// a new epoch.
pub struct MongoSharedPlayback {
    base: Arc<Base>,
}

impl MongoSharedPlayback {
    pub(super) fn new(base: Arc<Base>) -> Self {
        Self { base }
    }

    /// What comes of it, if it comes in time: somebody waits for it with a finger on a button.
    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, PlaybackStoreError>>,
    ) -> Result<T, PlaybackStoreError> {
        let patience = self.base.config.timeout;
        match tokio::time::timeout(patience, work).await {
            Ok(done) => done,
            Err(_) => Err(Unavailable::from(Fault::Silent(patience, "what was asked of playback")).into()),
        }
    }

    async fn load_current(&self, account: AccountId) -> Result<Option<PlaybackState>, PlaybackStoreError> {
        for _ in 0..MAX_TRIES {
            let Some((state, run)) = self.base.store.stored_state(account).await? else { return Ok(None) };
            if run == 0 {
                return Ok(Some(state));
            }
            let epoch = self.base.context.new_id::<Uuid>().into();
            let adopted = PlaybackState { epoch, ..state.clone() };
            // If somebody else was faster, theirs is as good.
            if self.base.store.adopt_state(account, (state.version(), run), &adopted).await? {
                tracing::debug!(%account, "a playback state goes on in a new epoch");
                return Ok(Some(adopted));
            }
        }
        Err(Unavailable::from(DatabaseFault::Crowded).into())
    }
}

#[async_trait]
impl PlaybackStore for MongoSharedPlayback {
    async fn load(&self, account: AccountId) -> Result<Option<PlaybackState>, PlaybackStoreError> {
        self.within(self.load_current(account)).await
    }

    async fn create(&self, account: AccountId, state: &PlaybackState) -> Result<(), PlaybackStoreError> {
        self.within(self.base.store.create(account, state)).await
    }

    async fn replace(
        &self,
        account: AccountId,
        expected: PlaybackVersion,
        state: &PlaybackState,
        command: Option<&AppliedCommand>,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        self.within(self.base.store.replace(account, expected, state, command, now)).await
    }

    async fn applied(
        &self,
        account: AccountId,
        command: &CommandId,
        now: Timestamp,
    ) -> Result<Option<AppliedCommand>, PlaybackStoreError> {
        self.within(self.base.store.applied(account, command, now)).await
    }

    async fn put_device(
        &self,
        account: AccountId,
        device: &Device,
        seen: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        self.within(self.base.store.put_device(account, device, seen)).await
    }

    async fn devices(&self, account: AccountId) -> Result<Vec<KnownDevice>, PlaybackStoreError> {
        self.within(self.base.store.devices(account)).await
    }

    async fn remove_device(&self, account: AccountId, device: &DeviceId) -> Result<(), PlaybackStoreError> {
        self.within(self.base.store.remove_device(account, device)).await
    }

    async fn forget(&self, account: AccountId) -> Result<(), PlaybackStoreError> {
        self.within(self.base.store.forget(account)).await
    }

    async fn note_ended(
        &self,
        who: Ended,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        self.within(self.base.store.note_ended(who, until, now)).await
    }

    async fn has_ended(&self, who: &[Ended]) -> Result<bool, PlaybackStoreError> {
        self.within(self.base.store.has_ended(who)).await
    }
}
