//! Who signs in through identity providers, as documents.

use mongodb::bson::{Document, doc};
use moodify_core::model::{AccountId, Identity};
use moodify_core::port::UserStoreError;

use crate::mongodb::row::Key;
use crate::mongodb::step::Step;

pub(super) const COLLECTION: &str = "identities";

pub(super) fn filter(identity: &Identity) -> Document {
    doc! { "issuer": identity.issuer(), "subject": identity.subject() }
}

/// Links an identity to an account.
///
/// # Errors
/// [`UserStoreError::IdentityTaken`] if it is linked already, or the account has another one of its issuer.
pub(super) async fn link(
    step: &mut Step<'_>,
    identity: &Identity,
    account: AccountId,
) -> Result<(), UserStoreError> {
    let mut document = filter(identity);
    let of_account = doc! { "account_id": account.key(), "issuer": identity.issuer() };
    for taken in [document.clone(), of_account] {
        if step.exists(COLLECTION, taken).await? {
            return Err(UserStoreError::IdentityTaken);
        }
    }
    document.insert("account_id", account.key());
    // Of two at once the second one meets the first, begins again, and finds it taken.
    Ok(step.insert(COLLECTION, document).await?)
}
