use async_trait::async_trait;
use jiff::Timestamp;
use moodify_core::model::{
    AccountId, AppliedCommand, CommandId, Device, DeviceId, KnownDevice, PlaybackState, PlaybackVersion,
    earlier,
};
use moodify_core::port::{COMMAND_MEMORY, Ended, PlaybackStore, PlaybackStoreError};

use super::SqlStore;
use super::database::{Row, Statement, Transaction};
use super::ended::OF_SYNC;
use super::error::Fault;

/// More than one change can add, so that the table does not grow for ever.
const PRUNED_AT_ONCE: usize = 100;

#[async_trait]
impl PlaybackStore for SqlStore {
    async fn load(&self, account: AccountId) -> Result<Option<PlaybackState>, PlaybackStoreError> {
        let query = Statement::new("SELECT state FROM playback_states WHERE account_id = $1");
        let row = self.database.optional(query.bind(account)).await?;
        Ok(row.as_ref().map(state).transpose()?)
    }

    async fn create(&self, account: AccountId, state: &PlaybackState) -> Result<(), PlaybackStoreError> {
        let insert = Statement::new(
            "INSERT INTO playback_states (account_id, epoch, rev, state, run) VALUES ($1, $2, $3, $4, 0)
             ON CONFLICT (account_id) DO NOTHING",
        );
        let insert = insert.bind(account).bind(state.epoch).bind(state.rev).bind(encode(state)?);
        conflict_unless(self.database.run(insert).await? == 1)
    }

    async fn replace(
        &self,
        account: AccountId,
        expected: PlaybackVersion,
        state: &PlaybackState,
        command: Option<&AppliedCommand>,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        let mut transaction = self.database.begin().await?;
        let update = Statement::new(
            "UPDATE playback_states SET epoch = $1, rev = $2, state = $3, run = 0
             WHERE account_id = $4 AND epoch = $5 AND rev = $6",
        );
        let update = update.bind(state.epoch).bind(state.rev).bind(encode(state)?);
        let update = update.bind(account).bind(expected.epoch).bind(expected.rev);
        conflict_unless(transaction.run(update).await? == 1)?;
        if let Some(command) = command {
            remember(&mut transaction, [(account, command, now)]).await?;
            forget_old_commands(&mut transaction, now, PRUNED_AT_ONCE).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn applied(
        &self,
        account: AccountId,
        command: &CommandId,
        now: Timestamp,
    ) -> Result<Option<AppliedCommand>, PlaybackStoreError> {
        let query = Statement::new(
            "SELECT command_id, epoch, rev, at_us FROM playback_commands
             WHERE account_id = $1 AND command_id = $2 AND applied_at > $3",
        );
        let query = query.bind(account).bind(command.as_str()).bind(earlier(now, COMMAND_MEMORY));
        let row = self.database.optional(query).await?;
        Ok(row.as_ref().map(applied).transpose()?)
    }

    async fn put_device(
        &self,
        account: AccountId,
        device: &Device,
        seen: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        let mut put = Statement::new(INSERT_DEVICE);
        push_device(&mut put, account, device, seen)?;
        put.push(
            " ON CONFLICT (account_id, device_id)
              DO UPDATE SET device = excluded.device, last_seen = excluded.last_seen",
        );
        self.database.run(put).await?;
        Ok(())
    }

    async fn devices(&self, account: AccountId) -> Result<Vec<KnownDevice>, PlaybackStoreError> {
        let query = Statement::new(
            "SELECT device, last_seen FROM playback_devices WHERE account_id = $1 ORDER BY device_id",
        );
        let rows = self.database.all(query.bind(account)).await?;
        Ok(rows.iter().map(known).collect::<Result<_, _>>()?)
    }

    async fn remove_device(&self, account: AccountId, device: &DeviceId) -> Result<(), PlaybackStoreError> {
        let delete = Statement::new("DELETE FROM playback_devices WHERE account_id = $1 AND device_id = $2");
        self.database.run(delete.bind(account).bind(device.as_str())).await?;
        Ok(())
    }

    async fn forget(&self, account: AccountId) -> Result<(), PlaybackStoreError> {
        let mut transaction = self.database.begin().await?;
        for delete in [
            "DELETE FROM playback_states WHERE account_id = $1",
            "DELETE FROM playback_devices WHERE account_id = $1",
            "DELETE FROM playback_commands WHERE account_id = $1",
        ] {
            transaction.run(Statement::new(delete).bind(account)).await?;
        }
        Ok(transaction.commit().await?)
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

pub(super) const INSERT_DEVICE: &str =
    "INSERT INTO playback_devices (account_id, device_id, device, last_seen) VALUES ";

pub(super) fn push_device(
    insert: &mut Statement,
    account: AccountId,
    device: &Device,
    seen: Timestamp,
) -> Result<(), Fault> {
    insert.push("(").push_bind(account).push(", ").push_bind(device.id.as_str()).push(", ");
    insert.push_bind(encode(device)?).push(", ").push_bind(seen).push(")");
    Ok(())
}

/// Notes that these commands were applied at these moments. At most a few hundred at once: a
/// statement takes 32,766 values.
pub(super) async fn remember(
    transaction: &mut Transaction,
    commands: impl IntoIterator<Item = (AccountId, &AppliedCommand, Timestamp)>,
) -> Result<(), Fault> {
    let insert =
        "INSERT INTO playback_commands (account_id, command_id, epoch, rev, at_us, applied_at) VALUES ";
    let mut insert = Statement::new(insert).one_off();
    insert.push_list(commands, |list, (account, command, at)| {
        list.push("(").push_bind(account).push(", ").push_bind(command.id.as_str());
        list.push(", ").push_bind(command.version.epoch).push(", ").push_bind(command.version.rev);
        list.push(", ").push_bind(command.at_us).push(", ").push_bind(at).push(")");
    });
    insert.push(
        " ON CONFLICT (account_id, command_id) DO UPDATE SET epoch = excluded.epoch, rev = excluded.rev,
          at_us = excluded.at_us, applied_at = excluded.applied_at",
    );
    transaction.run(insert).await?;
    Ok(())
}

/// Forgets some of the commands that no longer count, oldest first.
pub(super) async fn forget_old_commands(
    transaction: &mut Transaction,
    now: Timestamp,
    at_most: usize,
) -> Result<(), Fault> {
    let delete = Statement::new(
        "WITH forgotten AS MATERIALIZED (
             SELECT account_id, command_id FROM playback_commands
             WHERE applied_at <= $1 ORDER BY applied_at LIMIT $2",
    );
    let delete = delete.skip_locked().then(
        ") DELETE FROM playback_commands
         WHERE (account_id, command_id) IN (SELECT account_id, command_id FROM forgotten)",
    );
    transaction.run(delete.bind(earlier(now, COMMAND_MEMORY)).bind(at_most)).await?;
    Ok(())
}

pub(super) fn encode(value: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::encode)
}

pub(super) fn state(row: &Row) -> Result<PlaybackState, Fault> {
    serde_json::from_str(&row.text("state")?).map_err(|_| Fault::stored("state"))
}

pub(super) fn applied(row: &Row) -> Result<AppliedCommand, Fault> {
    Ok(AppliedCommand {
        id: row.checked("command_id")?,
        version: PlaybackVersion { epoch: row.id("epoch")?, rev: row.unsigned("rev")? },
        at_us: row.int("at_us")?,
    })
}

fn known(row: &Row) -> Result<KnownDevice, Fault> {
    let device = serde_json::from_str(&row.text("device")?).map_err(|_| Fault::stored("device"))?;
    Ok(KnownDevice { device, last_seen: row.time("last_seen")? })
}

fn conflict_unless(changed: bool) -> Result<(), PlaybackStoreError> {
    if changed { Ok(()) } else { Err(PlaybackStoreError::Conflict) }
}
