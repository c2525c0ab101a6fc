//! Accounts as documents.

use mongodb::bson::{Bson, Document, doc};
use moodify_core::model::account::ArtistProfile;
use moodify_core::model::{Account, AccountUpdate, Credentials, NewAccount, PasswordChange, PasswordHash};

use crate::mongodb::error::Fault;
use crate::mongodb::row::{Key, Row, micros};

pub(super) const COLLECTION: &str = "accounts";

pub(super) fn document(new: &NewAccount) -> Document {
    let account = &new.account;
    let mut document = doc! {
        "_id": account.id.key(),
        "email": account.email.as_str(),
        "password_hash": new.password_hash.as_ref().map(PasswordHash::as_phc),
        "created_at": micros(account.created_at),
        "revision": 0_i64,
    };
    document.extend(profile(account));
    document
}

/// What changes of an account.
pub(super) fn update(update: &AccountUpdate) -> Document {
    let mut set = profile(&update.account);
    match &update.password {
        PasswordChange::Keep => None,
        PasswordChange::Replace(hash) => set.insert("password_hash", hash.as_phc()),
        PasswordChange::Remove => set.insert("password_hash", Bson::Null),
    };
    doc! { "$set": set, "$inc": { "revision": 1_i64 } }
}

fn profile(account: &Account) -> Document {
    let artist = account.artist.as_ref();
    doc! {
        "email_verified": account.email_verified,
        "first_name": account.first_name.as_str(),
        "last_name": account.last_name.as_str(),
        "artist_id": artist.map(|artist| artist.id).key(),
        "artist_name": artist.map_or(Bson::Null, |artist| artist.name.as_str().into()),
    }
}

pub(super) fn account(row: &Row) -> Result<Account, Fault> {
    let artist = match row.optional_id("artist_id")? {
        Some(id) => Some(ArtistProfile { id, name: row.checked("artist_name")? }),
        None => None,
    };
    Ok(Account {
        id: row.id("_id")?,
        email: row.checked("email")?,
        email_verified: row.flag("email_verified")?,
        first_name: row.checked("first_name")?,
        last_name: row.checked("last_name")?,
        artist,
        created_at: row.time("created_at")?,
    })
}

pub(super) fn credentials(row: &Row) -> Result<Credentials, Fault> {
    let password_hash =
        row.optional_text("password_hash")?.map(|hash| PasswordHash::from_phc(hash.to_owned()));
    Ok(Credentials { account: account(row)?, password_hash, revision: row.unsigned("revision")? })
}
