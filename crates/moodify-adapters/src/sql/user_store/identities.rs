//! Statements about who signs in through identity providers.

use moodify_core::model::{AccountId, Identity};

use crate::sql::database::Statement;

/// Inserts nothing if the identity is linked already, or the account has another one of its issuer.
pub(super) fn insert(identity: &Identity, account: AccountId) -> Statement {
    Statement::new(
        "INSERT INTO identities (issuer, subject, account_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(identity.issuer())
    .bind(identity.subject())
    .bind(account)
}

pub(super) fn credentials(identity: &Identity) -> Statement {
    Statement::new(
        "SELECT accounts.* FROM accounts JOIN identities ON identities.account_id = accounts.id
         WHERE identities.issuer = $1 AND identities.subject = $2",
    )
    .bind(identity.issuer())
    .bind(identity.subject())
}
