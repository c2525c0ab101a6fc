//! Statements about the tokens of links in mails.

use jiff::Timestamp;
use moodify_core::model::{AccountId, MailTokenPurpose, StoredMailToken, TokenHash};

use crate::sql::database::{Row, Statement};
use crate::sql::error::Fault;

pub(super) fn insert(token: &StoredMailToken) -> Statement {
    Statement::new(
        "INSERT INTO mail_tokens (hash, account_id, purpose, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(token.hash.0)
    .bind(token.account_id)
    .bind(token.purpose.as_str())
    .bind(token.created_at)
    .bind(token.expires_at)
}

/// Changes no row if there is a token that was made after `not_since`.
pub(super) fn replace(token: &StoredMailToken, not_since: Timestamp) -> Statement {
    let mut replace = insert(token);
    replace
        .push(
            " ON CONFLICT (account_id, purpose) DO UPDATE
              SET hash = excluded.hash, created_at = excluded.created_at, expires_at = excluded.expires_at
              WHERE mail_tokens.created_at <= ",
        )
        .push_bind(not_since);
    replace
}

pub(super) fn spend(hash: TokenHash, account: AccountId) -> Statement {
    Statement::new("DELETE FROM mail_tokens WHERE hash = $1 AND account_id = $2").bind(hash.0).bind(account)
}

pub(super) fn void(account: AccountId, purpose: MailTokenPurpose) -> Statement {
    let delete = Statement::new("DELETE FROM mail_tokens WHERE account_id = $1 AND purpose = $2");
    delete.bind(account).bind(purpose.as_str())
}

pub(super) fn remove_expired(now: Timestamp, max: usize) -> Statement {
    let expired = Statement::new(
        "WITH expired AS MATERIALIZED (SELECT hash FROM mail_tokens WHERE expires_at <= $1 LIMIT $2",
    );
    let delete =
        expired.skip_locked().then(") DELETE FROM mail_tokens WHERE hash IN (SELECT hash FROM expired)");
    delete.bind(now).bind(max)
}

pub(super) fn token(row: &Row) -> Result<StoredMailToken, Fault> {
    let purpose = MailTokenPurpose::from_name(&row.text("purpose")?);
    Ok(StoredMailToken {
        hash: TokenHash(row.bytes32("hash")?),
        account_id: row.id("account_id")?,
        purpose: purpose.ok_or_else(|| Fault::stored("purpose"))?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}
