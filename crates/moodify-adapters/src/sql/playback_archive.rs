use async_trait::async_trait;
use jiff::Timestamp;
use moodify_core::model::{AccountId, AppliedCommand, earlier};
use moodify_core::port::{
    COMMAND_MEMORY, COMMAND_MEMORY_MAX, PlaybackArchive, PlaybackStoreError, Recalled, Saved,
};

use super::SqlStore;
use super::database::{Row, Statement, Transaction};
use super::error::Fault;
use super::playback_store::{
    INSERT_DEVICE, applied, encode, forget_old_commands, push_device, remember, state,
};

/// How many commands one statement inserts.
const COMMANDS_AT_ONCE: usize = 500;

/// More than are added between two savings of a busy process.
const PRUNED_AT_ONCE: usize = 5_000;

#[async_trait]
impl PlaybackArchive for SqlStore {
    async fn open(&self) -> Result<u64, PlaybackStoreError> {
        let open = Statement::new(
            "INSERT INTO playback_runs (id, run, is_open) VALUES (1, 1, 1)
             ON CONFLICT (id) DO UPDATE SET run = playback_runs.run + playback_runs.is_open, is_open = 1
             RETURNING run",
        );
        let rows = self.database.run_returning(open).await?;
        let row = rows.first().ok_or_else(|| Fault::stored("run"))?;
        Ok(row.unsigned("run")?)
    }

    async fn recall(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<Recalled>, PlaybackStoreError> {
        let query = Statement::new("SELECT state, run FROM playback_states WHERE account_id = $1");
        let Some(row) = self.database.optional(query.bind(account)).await? else { return Ok(None) };
        let commands = Statement::new(
            "SELECT command_id, epoch, rev, at_us, applied_at FROM playback_commands
             WHERE account_id = $1 AND applied_at > $2 ORDER BY applied_at DESC, rev DESC LIMIT $3",
        );
        let commands = commands.bind(account).bind(earlier(now, COMMAND_MEMORY)).bind(COMMAND_MEMORY_MAX);
        let rows = self.database.all(commands).await?;
        let commands = rows.iter().rev().map(command).collect::<Result<_, _>>()?;
        Ok(Some(Recalled { state: state(&row)?, run: row.unsigned("run")?, commands }))
    }

    async fn save(&self, run: u64, listeners: &[Saved], now: Timestamp) -> Result<(), PlaybackStoreError> {
        let mut transaction = self.database.begin().await?;
        for saved in listeners {
            if let Some(state) = &saved.state {
                let put = Statement::new(
                    "INSERT INTO playback_states (account_id, epoch, rev, state, run)
                     VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (account_id) DO UPDATE
                     SET epoch = excluded.epoch, rev = excluded.rev, state = excluded.state,
                         run = excluded.run",
                );
                let put = put.bind(saved.account).bind(state.epoch).bind(state.rev);
                transaction.run(put.bind(encode(state)?).bind(run)).await?;
            }
            save_devices(&mut transaction, saved).await?;
        }
        let commands = listeners
            .iter()
            .flat_map(|saved| saved.commands.iter().map(|(command, at)| (saved.account, command, *at)));
        let commands: Vec<_> = newest(commands);
        for some in commands.chunks(COMMANDS_AT_ONCE) {
            remember(&mut transaction, some.iter().copied()).await?;
        }
        if !commands.is_empty() {
            forget_old_commands(&mut transaction, now, PRUNED_AT_ONCE).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn close(&self, run: u64) -> Result<(), PlaybackStoreError> {
        let close = Statement::new("UPDATE playback_runs SET is_open = 0 WHERE id = 1 AND run = $1");
        self.database.run(close.bind(run)).await?;
        Ok(())
    }
}

async fn save_devices(transaction: &mut Transaction, saved: &Saved) -> Result<(), Fault> {
    let Some(devices) = &saved.devices else { return Ok(()) };
    let delete = Statement::new("DELETE FROM playback_devices WHERE account_id = $1");
    transaction.run(delete.bind(saved.account)).await?;
    if devices.is_empty() {
        return Ok(());
    }
    let mut insert = Statement::new(INSERT_DEVICE).one_off();
    for (n, known) in devices.iter().enumerate() {
        if n > 0 {
            insert.push(", ");
        }
        push_device(&mut insert, saved.account, &known.device, known.last_seen)?;
    }
    transaction.run(insert).await?;
    Ok(())
}

type Applied<'a> = (AccountId, &'a AppliedCommand, Timestamp);

/// One of each key, for PostgreSQL: a statement may not write the same row twice. A key is used
/// again after ten minutes, which the process may have waited for the database.
fn newest<'a>(commands: impl Iterator<Item = Applied<'a>>) -> Vec<Applied<'a>> {
    let mut by_key = std::collections::BTreeMap::new();
    for applied in commands {
        by_key.insert((applied.0, &applied.1.id), applied);
    }
    by_key.into_values().collect()
}

fn command(row: &Row) -> Result<(AppliedCommand, Timestamp), Fault> {
    Ok((applied(row)?, row.time("applied_at")?))
}
