//! Accounts that come from elsewhere.

use futures::future::join_all;

use super::UserStoreFixture;
use crate::conformance::{outbox::waiting, samples};
use crate::model::{EventKind, MailTokenPurpose, PageSize, PasswordHash};
use crate::port::UserStoreError;

/// An imported account is found as it is, with its hash as it came, its proved mailbox and the moment of
/// its making; it begins at revision 0, without a session, and its events wait.
pub async fn imported_account_is_found(fixture: &UserStoreFixture) {
    let mut new = samples::artist_account();
    let hash = PasswordHash::from_phc("$2b$10$AOdaRZCsTzj3l1tWGhwXWe5KJpZn9VMPuLXcFHJ.JMqdy0HDJSIU.");
    new.password_hash = Some(hash.clone());
    let event = samples::event(EventKind::AccountUpdated);
    assert!(fixture.store.import_account(&new, std::slice::from_ref(&event)).await.unwrap());

    let found = fixture.store.credentials(&new.account.email).await.unwrap().expect("the account");
    assert_eq!((&found.account, found.revision), (&new.account, 0));
    assert_eq!(found.password_hash, Some(hash));
    assert_eq!(fixture.store.account(new.account.id).await.unwrap().as_ref(), Some(&new.account));
    let sessions = fixture.store.sessions(new.account.id, new.account.created_at, PageSize::MAX, None);
    assert!(sessions.await.unwrap().items.is_empty());
    assert_eq!(waiting(&*fixture.outbox, std::slice::from_ref(&event)).await, [event]);

    let session = samples::session(&new.account);
    assert!(fixture.store.create_session(&session, 0).await.unwrap(), "its owner signs in");
}

/// A token that comes with the account is kept.
pub async fn importing_stores_the_token(fixture: &UserStoreFixture) {
    let mut new = samples::account();
    let token = samples::mail_token(&new.account, MailTokenPurpose::VerifyEmail);
    new.verification = Some(token.clone());
    assert!(fixture.store.import_account(&new, &[]).await.unwrap());
    assert_eq!(fixture.store.mail_token(token.hash).await.unwrap(), Some(token));
}

/// The second time nothing is stored, neither what has changed since nor an event.
pub async fn importing_twice_stores_it_once(fixture: &UserStoreFixture) {
    let new = samples::account();
    assert!(fixture.store.import_account(&new, &[]).await.unwrap());

    let mut again = samples::artist_account();
    again.account.id = new.account.id;
    let event = samples::event(EventKind::AccountUpdated);
    for email in [new.account.email.clone(), samples::email()] {
        again.account.email = email;
        assert!(!fixture.store.import_account(&again, std::slice::from_ref(&event)).await.unwrap());
    }
    let found = fixture.stored(&new.account).await.expect("the account");
    assert_eq!((found.account, found.password_hash), (new.account, new.password_hash));
    assert!(waiting(&*fixture.outbox, &[event]).await.is_empty());
}

/// An e-mail that somebody has is refused; of the import nothing is stored, and the owner's account
/// stays as it was.
pub async fn import_of_a_taken_email_conflicts(fixture: &UserStoreFixture) {
    let (owner, session) = fixture.signed_up().await;
    let mut new = samples::artist_account();
    new.account.email = owner.email.clone();
    let event = samples::event(EventKind::AccountUpdated);
    let refused = fixture.store.import_account(&new, std::slice::from_ref(&event)).await;

    assert!(matches!(refused, Err(UserStoreError::EmailTaken)), "{refused:?}");
    assert!(fixture.store.account(new.account.id).await.unwrap().is_none());
    assert!(waiting(&*fixture.outbox, &[event]).await.is_empty());
    assert_eq!(fixture.stored(&owner).await.expect("the owner").account, owner);
    assert_eq!(fixture.remaining(&[&session]).await, [session.id]);
}

/// Nobody signs up with the e-mail of an imported account.
pub async fn signing_up_with_an_imported_email_conflicts(fixture: &UserStoreFixture) {
    let imported = samples::account();
    assert!(fixture.store.import_account(&imported, &[]).await.unwrap());
    let mut new = samples::account();
    new.account.email = imported.account.email.clone();
    let refused = fixture.store.create_account(&new, &samples::session(&new.account), &[]).await;
    assert!(matches!(refused, Err(UserStoreError::EmailTaken)), "{refused:?}");
}

/// Whoever signed in through an identity provider goes on doing so; of two with one identity the second
/// one is refused, and nothing of it is stored.
pub async fn imported_identity_is_found(fixture: &UserStoreFixture) {
    let identity = samples::identity();
    let mut new = samples::account();
    new.identity = Some(identity.clone());
    assert!(fixture.store.import_account(&new, &[]).await.unwrap());
    let found = fixture.store.credentials_of_identity(&identity).await.unwrap().expect("the account");
    assert_eq!(found.account, new.account);

    let mut second = samples::account();
    second.identity = Some(identity);
    let event = samples::event(EventKind::AccountUpdated);
    let refused = fixture.store.import_account(&second, std::slice::from_ref(&event)).await;
    assert!(matches!(refused, Err(UserStoreError::IdentityTaken)), "{refused:?}");
    assert!(fixture.store.account(second.account.id).await.unwrap().is_none());
    assert!(waiting(&*fixture.outbox, &[event]).await.is_empty());
}

/// Of many imports of one account at once exactly one stores it, and its event.
pub async fn concurrent_imports_store_one_account(fixture: &UserStoreFixture) {
    let new = samples::account();
    let calls = (0..20).map(|_| {
        let (store, new) = (fixture.store.clone(), new.clone());
        tokio::spawn(async move {
            let event = samples::event(EventKind::AccountUpdated);
            let stored = store.import_account(&new, std::slice::from_ref(&event)).await.unwrap();
            (event, stored)
        })
    });
    let (mut events, mut winners) = (Vec::new(), Vec::new());
    for call in join_all(calls).await {
        let (event, stored) = call.unwrap();
        winners.extend(stored.then(|| event.clone()));
        events.push(event);
    }
    assert_eq!(winners.len(), 1, "exactly one stores it");
    assert_eq!(waiting(&*fixture.outbox, &events).await, winners);
}
