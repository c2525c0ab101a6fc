//! The failed log-ins of a [`UserStore`](moodify_core::port::UserStore).

use jiff::Timestamp;
use moodify_core::model::{LogInSubject, LogInTally, TallyRule};

use super::SqlStore;
use super::database::{Row, Statement};
use super::error::Fault;

impl SqlStore {
    pub(super) async fn tally(&self, subject: LogInSubject) -> Result<Option<LogInTally>, Fault> {
        let query = Statement::new("SELECT * FROM log_in_tallies WHERE subject = $1").bind(subject.0);
        self.database.optional(query).await?.as_ref().map(tally).transpose()
    }

    pub(super) async fn count(&self, subject: LogInSubject, rule: &TallyRule) -> Result<bool, Fault> {
        if is_one_of_many(subject) {
            let expired = "WITH expired AS MATERIALIZED (
                               SELECT subject FROM log_in_tallies WHERE expires_at <= $1";
            let delete = ") DELETE FROM log_in_tallies WHERE subject IN (SELECT subject FROM expired)";
            let forget = Statement::new(expired).skip_locked().then(delete);
            self.database.run(forget.bind(rule.now)).await?;
        }
        Ok(self.database.run(one_more(subject, rule)).await? == 1)
    }

    pub(super) async fn set_tally(
        &self,
        subject: LogInSubject,
        tally: Option<&LogInTally>,
    ) -> Result<(), Fault> {
        let statement = match tally {
            Some(tally) => Statement::new(
                "INSERT INTO log_in_tallies (subject, failures, blocked_until, expires_at)
                 VALUES ($1, $2, $3, $4)
                 ON CONFLICT (subject) DO UPDATE
                 SET failures = $2, blocked_until = $3, expires_at = $4",
            )
            .bind(subject.0)
            .bind(tally.failures)
            .bind(tally.blocked_until)
            .bind(tally.expires_at),
            None => Statement::new("DELETE FROM log_in_tallies WHERE subject = $1").bind(subject.0),
        };
        self.database.run(statement).await?;
        Ok(())
    }
}

/// Cleans up in one of 256 calls: subjects are hashes, so they are their own dice.
fn is_one_of_many(subject: LogInSubject) -> bool {
    let [first, ..] = subject.0;
    first == 0
}

/// [`LogInTally::one_more`] in one statement, so that concurrent calls follow each other.
fn one_more(subject: LogInSubject, rule: &TallyRule) -> Statement {
    let first = LogInTally::one_more(None, rule).map_or(Timestamp::UNIX_EPOCH, |first| first.blocked_until);
    Statement::new(
        "INSERT INTO log_in_tallies (subject, failures, blocked_until, expires_at)
         VALUES ($1, 1, $2, $3)
         ON CONFLICT (subject) DO UPDATE SET
             failures = CASE WHEN log_in_tallies.expires_at <= $4 THEN 1
                             ELSE log_in_tallies.failures + 1 END,
             blocked_until = CASE WHEN log_in_tallies.expires_at <= $4 THEN $2
                                  WHEN log_in_tallies.failures + 1 >= $5 THEN $6
                                  ELSE 0 END,
             expires_at = CASE WHEN log_in_tallies.expires_at > $3 THEN log_in_tallies.expires_at
                               ELSE $3 END
         WHERE log_in_tallies.expires_at <= $4 OR log_in_tallies.blocked_until <= $4",
    )
    .bind(subject.0)
    .bind(first)
    .bind(rule.expires_at)
    .bind(rule.now)
    .bind(rule.max_failures)
    .bind(rule.blocked_until)
}

fn tally(row: &Row) -> Result<LogInTally, Fault> {
    Ok(LogInTally {
        failures: row.unsigned("failures")?,
        blocked_until: row.time("blocked_until")?,
        expires_at: row.time("expires_at")?,
    })
}
