use async_trait::async_trait;
use jiff::Timestamp;
use mongodb::bson::{Document, doc};
use moodify_core::model::{
    AccountId, AppliedCommand, CommandId, Device, DeviceId, KnownDevice, PlaybackState, PlaybackVersion,
    earlier,
};
use moodify_core::port::{COMMAND_MEMORY, Ended, PlaybackStore, PlaybackStoreError};

use super::MongoStore;
use super::ended::OF_SYNC;
use super::error::Fault;
use super::row::{Key, Row, json, micros, number};
use super::step::{Find, Step};

pub(super) const STATES: &str = "playback_states";
pub(super) const COMMANDS: &str = "playback_commands";
pub(super) const DEVICES: &str = "playback_devices";

/// How often commands that no longer count are looked for, in revisions of one listener's state, and how many of them
/// go then: more than so many changes can add, so that they do not grow for ever.
const PRUNED_EVERY: u64 = 16;
const PRUNED_AT_ONCE: usize = 100;

#[async_trait]
impl PlaybackStore for MongoStore {
    async fn load(&self, account: AccountId) -> Result<Option<PlaybackState>, PlaybackStoreError> {
        let row = self.database.plain().find_one(STATES, doc! { "_id": account.key() }).await?;
        Ok(row.map(|row| row.json("state")).transpose()?)
    }

    async fn create(&self, account: AccountId, state: &PlaybackState) -> Result<(), PlaybackStoreError> {
        let mut insert = doc! { "_id": account.key() };
        insert.extend(state_of(state, 0)?);
        conflict_unless(self.database.plain().insert_new(STATES, insert).await?)
    }

    async fn replace(
        &self,
        account: AccountId,
        expected: PlaybackVersion,
        state: &PlaybackState,
        command: Option<&AppliedCommand>,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        let Some(command) = command else {
            // One document: an atomic step by itself.
            return replace(&mut self.database.plain(), account, expected, state).await;
        };
        let replaced = self.database.atomically(|step| {
            Box::pin(async move {
                replace(step, account, expected, state).await?;
                remember(step, &[(account, command, now)]).await?;
                Ok::<_, PlaybackStoreError>(())
            })
        });
        replaced.await?;
        // It is done by now, and whoever asked for it is to be told so, whatever becomes of the old ones.
        if state.rev.is_multiple_of(PRUNED_EVERY)
            && let Err(error) = forget_old_commands(&mut self.database.plain(), now, PRUNED_AT_ONCE).await
        {
            tracing::debug!(%error, "old commands are forgotten later");
        }
        Ok(())
    }

    async fn applied(
        &self,
        account: AccountId,
        command: &CommandId,
        now: Timestamp,
    ) -> Result<Option<AppliedCommand>, PlaybackStoreError> {
        let remembered = doc! {
            "account_id": account.key(),
            "command_id": command.as_str(),
            "applied_at": { "$gt": micros(earlier(now, COMMAND_MEMORY)) },
        };
        let row = self.database.plain().find_one(COMMANDS, remembered).await?;
        Ok(row.as_ref().map(applied).transpose()?)
    }

    async fn put_device(
        &self,
        account: AccountId,
        device: &Device,
        seen: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        let set = doc! { "device": json(device)?, "last_seen": micros(seen) };
        let device = doc! { "account_id": account.key(), "device_id": device.id.as_str() };
        Ok(self.database.plain().upsert(DEVICES, device, doc! { "$set": set }).await?)
    }

    async fn devices(&self, account: AccountId) -> Result<Vec<KnownDevice>, PlaybackStoreError> {
        let query = Find::new(DEVICES, doc! { "account_id": account.key() }).sort(doc! { "device_id": 1 });
        let known =
            |row: &Row| Ok(KnownDevice { device: row.json("device")?, last_seen: row.time("last_seen")? });
        Ok(self.database.plain().find(query).await?.iter().map(known).collect::<Result<_, Fault>>()?)
    }

    async fn remove_device(&self, account: AccountId, device: &DeviceId) -> Result<(), PlaybackStoreError> {
        let device = doc! { "account_id": account.key(), "device_id": device.as_str() };
        self.database.plain().delete(DEVICES, device).await?;
        Ok(())
    }

    async fn forget(&self, account: AccountId) -> Result<(), PlaybackStoreError> {
        let forgotten = self.database.atomically(|step| {
            Box::pin(async move {
                step.delete(STATES, doc! { "_id": account.key() }).await?;
                for collection in [DEVICES, COMMANDS] {
                    step.delete_all(collection, doc! { "account_id": account.key() }).await?;
                }
                Ok(())
            })
        });
        forgotten.await
    }

    async fn note_ended(
        &self,
        who: Ended,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        OF_SYNC.note(&self.database, who, until).await?;
        OF_SYNC.forget(&self.database, now, PRUNED_AT_ONCE).await?;
        Ok(())
    }

    async fn has_ended(&self, who: &[Ended]) -> Result<bool, PlaybackStoreError> {
        Ok(OF_SYNC.has(&self.database, who).await?)
    }
}

impl MongoStore {
    /// The listener's state, and the run that saved it; 0 if it was written as by any store.
    pub(super) async fn stored_state(
        &self,
        account: AccountId,
    ) -> Result<Option<(PlaybackState, u64)>, Fault> {
        let row = self.database.plain().find_one(STATES, doc! { "_id": account.key() }).await?;
        let stored = |row: Row| -> Result<_, Fault> { Ok((row.json("state")?, row.unsigned("run")?)) };
        row.map(stored).transpose()
    }

    /// Puts this state, of no run, in the place of one that is of this version and run; whether it was there.
    pub(super) async fn adopt_state(
        &self,
        account: AccountId,
        (known, run): (PlaybackVersion, u64),
        state: &PlaybackState,
    ) -> Result<bool, Fault> {
        let known = doc! {
            "_id": account.key(),
            "epoch": known.epoch.key(),
            "rev": number(known.rev),
            "run": number(run),
        };
        self.database.plain().update(STATES, known, doc! { "$set": state_of(state, 0)? }).await
    }
}

/// Puts this state in the place of one that is of this version.
async fn replace(
    step: &mut Step<'_>,
    account: AccountId,
    expected: PlaybackVersion,
    state: &PlaybackState,
) -> Result<(), PlaybackStoreError> {
    let known = doc! {
        "_id": account.key(),
        "epoch": expected.epoch.key(),
        "rev": number(expected.rev),
    };
    conflict_unless(step.update(STATES, known, doc! { "$set": state_of(state, 0)? }).await?)
}

/// A state that this run has saved.
pub(super) fn state_of(state: &PlaybackState, run: u64) -> Result<Document, Fault> {
    Ok(doc! {
        "epoch": state.epoch.key(),
        "rev": number(state.rev),
        "state": json(state)?,
        "run": number(run),
    })
}

/// Notes that these commands were applied at these moments.
pub(super) async fn remember(
    step: &mut Step<'_>,
    commands: &[(AccountId, &AppliedCommand, Timestamp)],
) -> Result<(), Fault> {
    let remembered = commands.iter().map(|(account, command, at)| {
        let set = doc! {
            "epoch": command.version.epoch.key(),
            "rev": number(command.version.rev),
            "at_us": command.at_us,
            "applied_at": micros(*at),
        };
        (doc! { "account_id": account.key(), "command_id": command.id.as_str() }, doc! { "$set": set })
    });
    let remembered: Vec<_> = remembered.collect();
    step.upsert_each(COMMANDS, remembered).await
}

/// Forgets some of the commands that no longer count. Apart from the steps that add others: two processes
/// would choose the same ones.
pub(super) async fn forget_old_commands(
    step: &mut Step<'_>,
    now: Timestamp,
    at_most: usize,
) -> Result<(), Fault> {
    let old = doc! { "applied_at": { "$lte": micros(earlier(now, COMMAND_MEMORY)) } };
    step.delete_some(COMMANDS, old, at_most).await?;
    Ok(())
}

pub(super) fn applied(row: &Row) -> Result<AppliedCommand, Fault> {
    Ok(AppliedCommand {
        id: row.checked("command_id")?,
        version: PlaybackVersion { epoch: row.id("epoch")?, rev: row.unsigned("rev")? },
        at_us: row.int("at_us")?,
    })
}

fn conflict_unless(changed: bool) -> Result<(), PlaybackStoreError> {
    if changed { Ok(()) } else { Err(PlaybackStoreError::Conflict) }
}
