//! Statements about sessions.

use jiff::Timestamp;
use moodify_core::model::{AccountId, EndedSessions, PageSize, Session, SessionId, TokenHash, UserAgent};

use crate::sql::database::{Row, Statement};
use crate::sql::error::Fault;

pub(super) fn insert(session: &Session) -> Statement {
    values(session, "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
}

/// Inserts nothing if the account is gone or at another revision.
pub(super) fn insert_at(session: &Session, revision: u32) -> Statement {
    let insert =
        "SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, $10 FROM accounts WHERE id = $2 AND revision = $11";
    values(session, insert).bind(revision)
}

fn values(session: &Session, values: &str) -> Statement {
    let insert = Statement::new(
        "INSERT INTO sessions (id, account_id, key_id, token_hash, generation, rotated_at,
                               idle_expires_at, expires_at, created_at, user_agent) ",
    );
    insert
        .then(values)
        .bind(session.id)
        .bind(session.account_id)
        .bind(session.key_id)
        .bind(session.token_hash.0)
        .bind(session.generation)
        .bind(session.rotated_at)
        .bind(session.idle_expires_at)
        .bind(session.expires_at)
        .bind(session.created_at)
        .bind(session.user_agent.as_ref().map(UserAgent::as_str))
}

pub(super) fn list(
    account: AccountId,
    now: Timestamp,
    size: PageSize,
    after: Option<SessionId>,
) -> Statement {
    let mut list = Statement::new("SELECT * FROM sessions WHERE account_id = ");
    list.push_bind(account);
    list.push(" AND idle_expires_at > ").push_bind(now);
    list.push(" AND expires_at > ").push_bind(now);
    if let Some(id) = after {
        list.push(" AND id < ").push_bind(id);
    }
    list.push(" ORDER BY id DESC LIMIT ").push_bind(size.get() + 1);
    list
}

/// Returns the ids of those it ends.
pub(super) fn end(account: AccountId, which: EndedSessions) -> Option<Statement> {
    match which {
        EndedSessions::None => None,
        EndedSessions::AllBut(kept) => {
            let delete = "DELETE FROM sessions WHERE account_id = $1 AND id <> $2 RETURNING id";
            Some(Statement::new(delete).bind(account).bind(kept))
        }
        EndedSessions::All => {
            Some(Statement::new("DELETE FROM sessions WHERE account_id = $1 RETURNING id").bind(account))
        }
    }
}

pub(super) fn remove_expired(now: Timestamp, max: usize) -> Statement {
    let expired = Statement::new(
        "WITH expired AS MATERIALIZED (
             SELECT id FROM sessions WHERE idle_expires_at <= $1 OR expires_at <= $1 LIMIT $2",
    );
    let delete = expired.skip_locked().then(") DELETE FROM sessions WHERE id IN (SELECT id FROM expired)");
    delete.bind(now).bind(max)
}

pub(super) fn session(row: &Row) -> Result<Session, Fault> {
    Ok(Session {
        id: row.id("id")?,
        account_id: row.id("account_id")?,
        key_id: row.id("key_id")?,
        token_hash: TokenHash(row.bytes32("token_hash")?),
        generation: row.unsigned("generation")?,
        rotated_at: row.time("rotated_at")?,
        idle_expires_at: row.time("idle_expires_at")?,
        expires_at: row.time("expires_at")?,
        created_at: row.time("created_at")?,
        user_agent: row.optional_checked("user_agent")?,
    })
}
