//! The tokens of links in mails as documents.

use mongodb::bson::{Document, doc};
use moodify_core::model::{MailTokenPurpose, StoredMailToken, TokenHash};

use crate::mongodb::error::Fault;
use crate::mongodb::row::{Key, Row, bytes, micros};

pub(super) const COLLECTION: &str = "mail_tokens";

pub(super) fn document(token: &StoredMailToken) -> Document {
    doc! {
        "_id": bytes(token.hash.0),
        "account_id": token.account_id.key(),
        "purpose": token.purpose.as_str(),
        "created_at": micros(token.created_at),
        "expires_at": micros(token.expires_at),
    }
}

pub(super) fn token(row: &Row) -> Result<StoredMailToken, Fault> {
    let purpose = MailTokenPurpose::from_name(row.text("purpose")?);
    Ok(StoredMailToken {
        hash: TokenHash(row.bytes32("_id")?),
        account_id: row.id("account_id")?,
        purpose: purpose.ok_or_else(|| Fault::stored("purpose"))?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}
