use async_trait::async_trait;
use jiff::Timestamp;
use mongodb::bson::doc;
use moodify_core::model::{AccountId, AppliedCommand, earlier};
use moodify_core::port::{
    COMMAND_MEMORY, COMMAND_MEMORY_MAX, PlaybackArchive, PlaybackStoreError, Recalled, Saved,
};

use super::MongoStore;
use super::error::Fault;
use super::playback_store::{COMMANDS, DEVICES, STATES, applied, forget_old_commands, remember, state_of};
use super::row::{Key, Row, json, micros, number};
use super::step::{Find, Step};

const RUNS: &str = "playback_runs";

/// More than are added between two savings of a busy process.
const PRUNED_AT_ONCE: usize = 5_000;

#[async_trait]
impl PlaybackArchive for MongoStore {
    async fn open(&self) -> Result<u64, PlaybackStoreError> {
        let opened = self.database.atomically(|step| {
            Box::pin(async move {
                let last = step.find_one(RUNS, doc! { "_id": 1 }).await?;
                let run = match last {
                    None => 1,
                    Some(last) => last.unsigned::<u64>("run")? + u64::from(last.flag("is_open")?),
                };
                let open = doc! { "$set": { "run": number(run), "is_open": true } };
                step.upsert(RUNS, doc! { "_id": 1 }, open).await?;
                Ok(run)
            })
        });
        opened.await
    }

    async fn recall(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<Recalled>, PlaybackStoreError> {
        let mut step = self.database.plain();
        let Some(row) = step.find_one(STATES, doc! { "_id": account.key() }).await? else { return Ok(None) };
        let lately = doc! { "$gt": micros(earlier(now, COMMAND_MEMORY)) };
        let commands = Find::new(COMMANDS, doc! { "account_id": account.key(), "applied_at": lately });
        let commands = commands.sort(doc! { "applied_at": -1, "rev": -1 }).limit(COMMAND_MEMORY_MAX);
        let rows = step.find(commands).await?;
        let commands = rows.iter().rev().map(command).collect::<Result<_, _>>()?;
        Ok(Some(Recalled { state: row.json("state")?, run: row.unsigned("run")?, commands }))
    }

    async fn save(&self, run: u64, listeners: &[Saved], now: Timestamp) -> Result<(), PlaybackStoreError> {
        let saved = self.database.atomically(|step| Box::pin(save_all(step, run, listeners)));
        saved.await?;
        if listeners.iter().any(|saved| !saved.commands.is_empty()) {
            forget_old_commands(&mut self.database.plain(), now, PRUNED_AT_ONCE).await?;
        }
        Ok(())
    }

    async fn close(&self, run: u64) -> Result<(), PlaybackStoreError> {
        let close = doc! { "$set": { "is_open": false } };
        self.database.plain().update(RUNS, doc! { "_id": 1, "run": number(run) }, close).await?;
        Ok(())
    }
}

async fn save_all(step: &mut Step<'_>, run: u64, listeners: &[Saved]) -> Result<(), PlaybackStoreError> {
    let mut states = Vec::new();
    for saved in listeners {
        if let Some(state) = &saved.state {
            states.push((doc! { "_id": saved.account.key() }, doc! { "$set": state_of(state, run)? }));
        }
    }
    step.upsert_each(STATES, states).await?;
    save_devices(step, listeners).await?;
    let mut commands = Vec::new();
    for saved in listeners {
        commands.extend(saved.commands.iter().map(|(command, at)| (saved.account, command, *at)));
    }
    Ok(remember(step, &commands).await?)
}

async fn save_devices(step: &mut Step<'_>, listeners: &[Saved]) -> Result<(), Fault> {
    let (mut accounts, mut documents) = (Vec::new(), Vec::new());
    for saved in listeners {
        let Some(devices) = &saved.devices else { continue };
        accounts.push(saved.account.key());
        for known in devices {
            documents.push(doc! {
                "account_id": saved.account.key(),
                "device_id": known.device.id.as_str(),
                "device": json(&known.device)?,
                "last_seen": micros(known.last_seen),
            });
        }
    }
    if !accounts.is_empty() {
        step.delete_all(DEVICES, doc! { "account_id": { "$in": accounts } }).await?;
    }
    step.insert_all(DEVICES, documents).await
}

fn command(row: &Row) -> Result<(AppliedCommand, Timestamp), Fault> {
    Ok((applied(row)?, row.time("applied_at")?))
}
