//! The failed log-ins of a [`UserStore`](moodify_core::port::UserStore).

use mongodb::bson::{Document, doc};
use moodify_core::model::{LogInSubject, LogInTally, TallyRule};

use super::MongoStore;
use super::error::Fault;
use super::row::{Row, bytes, micros};

const COLLECTION: &str = "log_in_tallies";

impl MongoStore {
    pub(super) async fn tally(&self, subject: LogInSubject) -> Result<Option<LogInTally>, Fault> {
        self.database.plain().find_one(COLLECTION, of(subject)).await?.as_ref().map(tally).transpose()
    }

    pub(super) async fn count(&self, subject: LogInSubject, rule: &TallyRule) -> Result<bool, Fault> {
        if is_one_of_many(subject) {
            let expired = doc! { "expires_at": { "$lte": micros(rule.now) } };
            self.database.plain().delete_all(COLLECTION, expired).await?;
        }
        let counted = self.database.atomically(|step| {
            Box::pin(async move {
                let known = step.find_one(COLLECTION, of(subject)).await?.as_ref().map(tally).transpose()?;
                let Some(next) = LogInTally::one_more(known, rule) else { return Ok(false) };
                step.upsert(COLLECTION, of(subject), doc! { "$set": fields(&next) }).await?;
                Ok(true)
            })
        });
        counted.await
    }

    pub(super) async fn uncount(&self, subject: LogInSubject) -> Result<(), Fault> {
        let counted = doc! { "_id": bytes(subject.0), "failures": { "$gt": 0_i64 } };
        let one_less = doc! { "$inc": { "failures": -1_i64 }, "$set": { "blocked_until": 0_i64 } };
        self.database.plain().update(COLLECTION, counted, one_less).await?;
        Ok(())
    }

    pub(super) async fn set_tally(
        &self,
        subject: LogInSubject,
        tally: Option<&LogInTally>,
    ) -> Result<(), Fault> {
        let mut step = self.database.plain();
        match tally {
            Some(tally) => step.upsert(COLLECTION, of(subject), doc! { "$set": fields(tally) }).await,
            None => step.delete(COLLECTION, of(subject)).await.map(drop),
        }
    }
}

/// Cleans up in one of 256 calls: subjects are hashes, so they are their own dice.
fn is_one_of_many(subject: LogInSubject) -> bool {
    let [first, ..] = subject.0;
    first == 0
}

fn of(subject: LogInSubject) -> Document {
    doc! { "_id": bytes(subject.0) }
}

fn fields(tally: &LogInTally) -> Document {
    doc! {
        "failures": i64::from(tally.failures),
        "blocked_until": micros(tally.blocked_until),
        "expires_at": micros(tally.expires_at),
    }
}

fn tally(row: &Row) -> Result<LogInTally, Fault> {
    Ok(LogInTally {
        failures: row.unsigned("failures")?,
        blocked_until: row.time("blocked_until")?,
        expires_at: row.time("expires_at")?,
    })
}
