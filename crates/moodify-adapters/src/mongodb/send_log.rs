use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mongodb::bson::{Document, doc};
use moodify_core::model::{EventId, LONGEST_WAIT, MailKind, is_due_within, later};
use moodify_core::port::{Claim, SendLog, SendLogError};

use super::MongoStore;
use super::row::{Key, micros};

const COLLECTION: &str = "send_log";
/// How much of its day a sender has used up.
const PACES: &str = "sender_paces";

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
        let mut step = self.database.plain();
        let Some(known) = step.find_one(COLLECTION, key(event, kind)).await? else { return Ok(()) };
        let mut unsent = key(event, kind);
        unsent.insert("sent_at", doc! { "$exists": false });
        // Nobody else notes anything of it: the claim is still held.
        let since = known.optional_int("unanswered_at")?.unwrap_or(0);
        let release = doc! { "$set": { "claimed_until": since, "aged_at": since } };
        step.update(COLLECTION, unsent, release).await?;
        Ok(())
    }

    async fn mark_unanswered(
        &self,
        event: EventId,
        kind: MailKind,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<u32, SendLogError> {
        let (now, until) = (micros(now), micros(until));
        let marked = self.database.atomically(|step| {
            Box::pin(async move {
                let known = step.find_one(COLLECTION, key(event, kind)).await?;
                let before: u32 = match &known {
                    Some(known) if known.optional_time("sent_at")?.is_some() => return Ok(0),
                    Some(known) if known.optional_int("unanswered")?.is_some() => {
                        known.unsigned("unanswered")?
                    }
                    _ => 0,
                };
                let times = before + 1;
                let mark = doc! { "$set": {
                    "claimed_until": until, "aged_at": until,
                    "unanswered": i64::from(times), "unanswered_at": now,
                } };
                step.upsert(COLLECTION, key(event, kind), mark).await?;
                Ok::<_, SendLogError>(times)
            })
        });
        marked.await
    }

    async fn pace(&self, sender: &str) -> Result<Option<Timestamp>, SendLogError> {
        let found = self.database.plain().find_one(PACES, doc! { "_id": sender }).await?;
        Ok(found.map(|row| row.time("next_at")).transpose()?)
    }

    async fn set_pace(
        &self,
        sender: &str,
        from: Option<Timestamp>,
        to: Timestamp,
    ) -> Result<bool, SendLogError> {
        let (mut step, to) = (self.database.plain(), micros(to));
        Ok(match from {
            None => step.insert_new(PACES, doc! { "_id": sender, "next_at": to }).await?,
            Some(from) => {
                let known = doc! { "_id": sender, "next_at": micros(from) };
                step.update(PACES, known, doc! { "$set": { "next_at": to } }).await?
            }
        })
    }

    async fn forget(&self, before: Timestamp, max: usize) -> Result<u64, SendLogError> {
        let old = doc! { "aged_at": { "$lt": micros(before) } };
        Ok(self.database.plain().delete_some(COLLECTION, old, max).await?)
    }
}

fn key(event: EventId, kind: MailKind) -> Document {
    doc! { "event_id": event.key(), "kind": kind.as_str() }
}
