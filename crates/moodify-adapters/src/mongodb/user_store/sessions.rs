//! Sessions as documents.

use jiff::Timestamp;
use mongodb::bson::{Bson, Document, doc};
use moodify_core::model::{AccountId, EndedSessions, PageSize, Session, SessionId, TokenHash, UserAgent};

use crate::mongodb::error::Fault;
use crate::mongodb::row::{Key, Row, bytes, micros};
use crate::mongodb::step::Find;

pub(super) const COLLECTION: &str = "sessions";

pub(super) fn document(session: &Session) -> Document {
    let user_agent = session.user_agent.as_ref().map(UserAgent::as_str);
    let mut document = doc! {
        "_id": session.id.key(),
        "account_id": session.account_id.key(),
        "key_id": session.key_id.key(),
        "token_hash": bytes(session.token_hash.0),
        "generation": i64::from(session.generation),
        "rotated_at": micros(session.rotated_at),
        "created_at": micros(session.created_at),
        "user_agent": user_agent.map_or(Bson::Null, Bson::from),
    };
    document.extend(ends(session.idle_expires_at, session.expires_at));
    document
}

/// Both ends, and the earlier one: only that is asked for in queries.
pub(super) fn ends(idle_expires_at: Timestamp, expires_at: Timestamp) -> Document {
    doc! {
        "idle_expires_at": micros(idle_expires_at),
        "expires_at": micros(expires_at),
        "ends_at": micros(idle_expires_at.min(expires_at)),
    }
}

pub(super) fn list(account: AccountId, now: Timestamp, size: PageSize, after: Option<SessionId>) -> Find {
    let mut filter = doc! { "account_id": account.key(), "ends_at": { "$gt": micros(now) } };
    if let Some(id) = after {
        filter.insert("_id", doc! { "$lt": id.key() });
    }
    Find::new(COLLECTION, filter).sort(doc! { "_id": -1 }).limit(size.get() + 1)
}

/// Which sessions of an account end; `None` if none does.
pub(super) fn ended(account: AccountId, which: EndedSessions) -> Option<Document> {
    match which {
        EndedSessions::None => None,
        EndedSessions::AllBut(kept) => {
            Some(doc! { "account_id": account.key(), "_id": { "$ne": kept.key() } })
        }
        EndedSessions::All => Some(doc! { "account_id": account.key() }),
    }
}

pub(super) fn session(row: &Row) -> Result<Session, Fault> {
    Ok(Session {
        id: row.id("_id")?,
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
