use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use moodify_core::model::{EventId, LONGEST_WAIT, MailKind, later};
use moodify_core::port::{Claim, SendLog, SendLogError};

use super::SqlStore;
use super::database::Statement;

#[async_trait]
impl SendLog for SqlStore {
    async fn claim(
        &self,
        event: EventId,
        kind: MailKind,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Claim, SendLogError> {
        let mut transaction = self.database.begin().await?;
        let claim = Statement::new(
            "INSERT INTO send_log (event_id, kind, claimed_until) VALUES ($1, $2, $3)
             ON CONFLICT (event_id, kind) DO UPDATE SET claimed_until = excluded.claimed_until
             WHERE send_log.sent_at IS NULL
                 AND (send_log.claimed_until <= $4 OR send_log.claimed_until > $5)",
        );
        let claim = claim.bind(event).bind(kind.as_str()).bind(later(now, lease)).bind(now);
        let claim = claim.bind(later(now, LONGEST_WAIT));
        if transaction.run(claim).await? == 1 {
            transaction.commit().await?;
            return Ok(Claim::Yours);
        }
        let query = "SELECT claimed_until, sent_at FROM send_log WHERE event_id = $1 AND kind = $2";
        let query = Statement::new(query).bind(event).bind(kind.as_str());
        let found = transaction.optional(query).await?;
        // The attempt to claim has locked the row: it is free again when this returns.
        transaction.commit().await?;
        match found {
            Some(row) if row.optional_int("sent_at")?.is_some() => Ok(Claim::Sent),
            Some(row) => Ok(Claim::Held { until: row.time("claimed_until")? }),
            // Somebody forgot the mail in between.
            None => Ok(Claim::Held { until: now }),
        }
    }

    async fn mark_sent(&self, event: EventId, kind: MailKind, now: Timestamp) -> Result<(), SendLogError> {
        let mark = Statement::new(
            "INSERT INTO send_log (event_id, kind, claimed_until, sent_at) VALUES ($1, $2, $3, $3)
             ON CONFLICT (event_id, kind) DO UPDATE SET sent_at = COALESCE(send_log.sent_at, excluded.sent_at)",
        );
        self.database.run(mark.bind(event).bind(kind.as_str()).bind(now)).await?;
        Ok(())
    }

    async fn release(&self, event: EventId, kind: MailKind) -> Result<(), SendLogError> {
        let release = Statement::new(
            "UPDATE send_log SET claimed_until = COALESCE(unanswered_at, 0)
             WHERE event_id = $1 AND kind = $2 AND sent_at IS NULL",
        );
        self.database.run(release.bind(event).bind(kind.as_str())).await?;
        Ok(())
    }

    async fn mark_unanswered(
        &self,
        event: EventId,
        kind: MailKind,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<u32, SendLogError> {
        let mark = Statement::new(
            "INSERT INTO send_log (event_id, kind, claimed_until, unanswered, unanswered_at)
             VALUES ($1, $2, $3, 1, $4)
             ON CONFLICT (event_id, kind) DO UPDATE SET claimed_until = excluded.claimed_until,
                 unanswered = send_log.unanswered + 1, unanswered_at = excluded.unanswered_at
             WHERE send_log.sent_at IS NULL
             RETURNING unanswered",
        );
        let mark = mark.bind(event).bind(kind.as_str()).bind(until).bind(now);
        let marked = self.database.run_returning(mark).await?;
        Ok(marked.first().map(|row| row.unsigned("unanswered")).transpose()?.unwrap_or(0))
    }

    async fn pace(&self, sender: &str) -> Result<Option<Timestamp>, SendLogError> {
        let query = Statement::new("SELECT next_at FROM sender_paces WHERE sender = $1").bind(sender);
        let found = self.database.optional(query).await?;
        Ok(found.map(|row| row.time("next_at")).transpose()?)
    }

    async fn set_pace(
        &self,
        sender: &str,
        from: Option<Timestamp>,
        to: Timestamp,
    ) -> Result<bool, SendLogError> {
        let set = match from {
            None => Statement::new(
                "INSERT INTO sender_paces (sender, next_at) VALUES ($1, $2) ON CONFLICT (sender) DO NOTHING",
            )
            .bind(sender)
            .bind(to),
            Some(from) => {
                Statement::new("UPDATE sender_paces SET next_at = $3 WHERE sender = $1 AND next_at = $2")
                    .bind(sender)
                    .bind(from)
                    .bind(to)
            }
        };
        Ok(self.database.run(set).await? == 1)
    }

    async fn forget(&self, before: Timestamp, max: usize) -> Result<u64, SendLogError> {
        let forget = Statement::new(
            "WITH forgotten AS MATERIALIZED (
                 SELECT event_id, kind FROM send_log WHERE COALESCE(sent_at, claimed_until) < $1 LIMIT $2",
        );
        let forget = forget
            .skip_locked()
            .then(") DELETE FROM send_log WHERE (event_id, kind) IN (SELECT event_id, kind FROM forgotten)");
        Ok(self.database.run(forget.bind(before).bind(max)).await?)
    }
}
