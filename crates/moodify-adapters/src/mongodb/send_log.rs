use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mongodb::bson::{Document, doc};
use moodify_core::model::{EventId, LONGEST_WAIT, MailKind, is_due_within, later};
use moodify_core::port::{Claim, SendLog, SendLogError};

use super::MongoStore;
use super::row::{Key, micros};

const COLLECTION: &str = "send_log";

#[async_trait]
impl SendLog for MongoStore {
    async fn claim(
        &self,
        event: EventId,
        kind: MailKind,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Claim, SendLogError> {
        let claimed = self.database.atomically(|step| {
            Box::pin(async move {
                if let Some(known) = step.find_one(COLLECTION, key(event, kind)).await? {
                    if known.optional_time("sent_at")?.is_some() {
                        return Ok(Claim::Sent);
                    }
                    let until = known.time("claimed_until")?;
                    if !is_due_within(until, now, LONGEST_WAIT) {
                        return Ok(Claim::Held { until });
                    }
                }
                let until = micros(later(now, lease));
                let claim = doc! { "$set": { "claimed_until": until, "aged_at": until } };
                step.upsert(COLLECTION, key(event, kind), claim).await?;
                Ok::<_, SendLogError>(Claim::Yours)
            })
        });
        claimed.await
    }

    async fn mark_sent(&self, event: EventId, kind: MailKind, now: Timestamp) -> Result<(), SendLogError> {
        let mut unsent = key(event, kind);
        unsent.insert("sent_at", doc! { "$exists": false });
        let now = micros(now);
        let mark =
            doc! { "$set": { "sent_at": now, "aged_at": now }, "$setOnInsert": { "claimed_until": now } };
        // If it is marked already, its first mark stays.
        self.database.plain().upsert_if(COLLECTION, unsent, mark).await?;
        Ok(())
    }

    async fn release(&self, event: EventId, kind: MailKind) -> Result<(), SendLogError> {
        let mut unsent = key(event, kind);
        unsent.insert("sent_at", doc! { "$exists": false });
        let release = doc! { "$set": { "claimed_until": 0_i64, "aged_at": 0_i64 } };
        self.database.plain().update(COLLECTION, unsent, release).await?;
        Ok(())
    }

    async fn forget(&self, before: Timestamp, max: usize) -> Result<u64, SendLogError> {
        let old = doc! { "aged_at": { "$lt": micros(before) } };
        Ok(self.database.plain().delete_some(COLLECTION, old, max).await?)
    }
}

fn key(event: EventId, kind: MailKind) -> Document {
    doc! { "event_id": event.key(), "kind": kind.as_str() }
}
