//! Statements about accounts.

use moodify_core::model::account::ArtistProfile;
use moodify_core::model::{Account, AccountUpdate, Credentials, NewAccount, PasswordChange, PasswordHash};

use crate::sql::database::{Row, Statement};
use crate::sql::error::Fault;

/// Changes no row if the e-mail or the id is taken.
pub(super) fn insert(new: &NewAccount) -> Statement {
    let account = &new.account;
    let artist = account.artist.as_ref();
    Statement::new(
        "INSERT INTO accounts (id, email, email_verified, first_name, last_name, artist_id, artist_name,
                               password_hash, created_at, revision)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)
         ON CONFLICT DO NOTHING",
    )
    .bind(account.id)
    .bind(account.email.as_str())
    .bind(account.email_verified)
    .bind(account.first_name.as_str())
    .bind(account.last_name.as_str())
    .bind(artist.map(|artist| artist.id))
    .bind(artist.map(|artist| artist.name.as_str()))
    .bind(new.password_hash.as_ref().map(PasswordHash::as_phc))
    .bind(account.created_at)
}

pub(super) fn update(update: &AccountUpdate) -> Statement {
    let account = &update.account;
    let artist = account.artist.as_ref();
    let (keeps, hash) = match &update.password {
        PasswordChange::Keep => (true, None),
        PasswordChange::Replace(hash) => (false, Some(hash.as_phc())),
        PasswordChange::Remove => (false, None),
    };
    Statement::new(
        "UPDATE accounts
         SET email_verified = $1, first_name = $2, last_name = $3, artist_id = $4, artist_name = $5,
             password_hash = CASE WHEN $6 = 1 THEN password_hash ELSE $7 END, revision = revision + 1
         WHERE id = $8 AND revision = $9",
    )
    .bind(account.email_verified)
    .bind(account.first_name.as_str())
    .bind(account.last_name.as_str())
    .bind(artist.map(|artist| artist.id))
    .bind(artist.map(|artist| artist.name.as_str()))
    .bind(keeps)
    .bind(hash)
    .bind(account.id)
    .bind(update.revision)
}

pub(super) fn account(row: &Row) -> Result<Account, Fault> {
    let artist = match row.optional_id("artist_id")? {
        Some(id) => Some(ArtistProfile { id, name: row.checked("artist_name")? }),
        None => None,
    };
    Ok(Account {
        id: row.id("id")?,
        email: row.checked("email")?,
        email_verified: row.flag("email_verified")?,
        first_name: row.checked("first_name")?,
        last_name: row.checked("last_name")?,
        artist,
        created_at: row.time("created_at")?,
    })
}

pub(super) fn credentials(row: &Row) -> Result<Credentials, Fault> {
    let password_hash = row.optional_text("password_hash")?.map(PasswordHash::from_phc);
    Ok(Credentials { account: account(row)?, password_hash, revision: row.unsigned("revision")? })
}
