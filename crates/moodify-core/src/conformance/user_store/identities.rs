//! Who signs in through identity providers.

use futures::future::join_all;

use super::{UserStoreFixture, revoked, unchanged};
use crate::conformance::{outbox::waiting, samples};
use crate::model::{
    Account, AccountUpdate, EndedSessions, EventKind, Identity, MailTokenPurpose, NewAccount, PasswordChange,
    Session,
};
use crate::port::UserStoreError;

fn linking(account: &Account, revision: u32, identity: &Identity) -> AccountUpdate {
    AccountUpdate { links: Some(identity.clone()), ..unchanged(account, revision) }
}

fn with(identity: &Identity) -> NewAccount {
    NewAccount { identity: Some(identity.clone()), password_hash: None, ..samples::account() }
}

/// An account that begins with an identity is found by it, with its credentials; by no other one.
pub async fn created_identity_is_found(fixture: &UserStoreFixture) {
    let identity = samples::identity();
    let new = with(&identity);
    let session = samples::session(&new.account);
    fixture.store.create_account(&new, &session, &[]).await.unwrap();
    let found = fixture.store.credentials_of_identity(&identity).await.unwrap().expect("the account");
    assert_eq!((found.account, found.password_hash, found.revision), (new.account, None, 0));
    assert_eq!(fixture.store.credentials_of_identity(&samples::identity()).await.unwrap().map(|_| ()), None);
}

/// Issuer and subject are compared together, and byte by byte.
pub async fn identities_are_compared_exactly(fixture: &UserStoreFixture) {
    let identity = Identity::new("https://issuer.example", "Subject").unwrap();
    let new = with(&identity);
    fixture.store.create_account(&new, &samples::session(&new.account), &[]).await.unwrap();
    for (issuer, subject) in [
        ("https://other.example", "Subject"),
        ("https://issuer.example", "subject"),
        ("https://issuer.example/", "Subject"),
        ("https://Issuer.example", "Subject"),
        ("https://issuer.exampleS", "ubject"),
    ] {
        let other = Identity::new(issuer, subject).unwrap();
        let found = fixture.store.credentials_of_identity(&other).await.unwrap();
        assert!(found.is_none(), "{issuer} {subject}");
    }
}

/// The longest identity there is comes back as it was.
pub async fn the_longest_identity_survives(fixture: &UserStoreFixture) {
    let issuer = format!("https://{}", "i".repeat(Identity::MAX_ISSUER_BYTES - 8));
    let identity = Identity::new(issuer, "s".repeat(Identity::MAX_SUBJECT_BYTES)).unwrap();
    let (account, _) = fixture.signed_up().await;
    fixture.change(&linking(&account, 0, &identity), &[]).await;
    let found = fixture.store.credentials_of_identity(&identity).await.unwrap().expect("the account");
    assert_eq!(found.account, account);
}

/// An identity is linked in the same step as everything else that changes, and stays.
pub async fn update_links_an_identity(fixture: &UserStoreFixture) {
    let (account, session) = fixture.signed_up().await;
    let identity = samples::identity();
    let verify = samples::mail_token(&account, MailTokenPurpose::VerifyEmail);
    assert!(fixture.store.store_mail_token(&verify, samples::moment(), &[]).await.unwrap());
    let changed = Account { email_verified: true, ..account.clone() };
    let update = AccountUpdate {
        password: PasswordChange::Remove,
        voids: MailTokenPurpose::ALL.to_vec(),
        ends: EndedSessions::All,
        ..linking(&changed, 0, &identity)
    };
    let event = samples::event(EventKind::AccountUpdated);
    fixture.change(&update, std::slice::from_ref(&event)).await;
    let found = fixture.store.credentials_of_identity(&identity).await.unwrap().expect("the account");
    assert_eq!((found.account, found.password_hash, found.revision), (changed.clone(), None, 1));
    assert_eq!(fixture.remaining(&[&session]).await, []);
    assert_eq!(fixture.store.mail_token(verify.hash).await.unwrap(), None);
    assert_eq!(waiting(&*fixture.outbox, std::slice::from_ref(&event)).await, [event]);
    // Another change, without a word about it, leaves it.
    fixture.change(&unchanged(&changed, 1), &[]).await;
    assert!(fixture.store.credentials_of_identity(&identity).await.unwrap().is_some());
}

/// A removed password stays removed until there is another one.
pub async fn removed_password_is_gone(fixture: &UserStoreFixture) {
    let (account, _) = fixture.signed_up().await;
    let hash = fixture.stored(&account).await.expect("the account").password_hash;
    let remove = AccountUpdate { password: PasswordChange::Remove, ..unchanged(&account, 0) };
    fixture.change(&remove, &[]).await;
    fixture.change(&unchanged(&account, 1), &[]).await;
    assert_eq!(fixture.stored(&account).await.expect("the account").password_hash, None);
    let again = PasswordChange::Replace(hash.clone().expect("the first hash"));
    fixture.change(&AccountUpdate { password: again, ..unchanged(&account, 2) }, &[]).await;
    assert_eq!(fixture.stored(&account).await.expect("the account").password_hash, hash);
}

/// An identity that somebody has is refused, with all that belongs to the change.
pub async fn taken_identity_changes_nothing(fixture: &UserStoreFixture) {
    let identity = samples::identity();
    let (owner, _) = fixture.signed_up().await;
    fixture.change(&linking(&owner, 0, &identity), &[]).await;
    let (account, session) = fixture.signed_up().await;
    let event = samples::event(EventKind::AccountUpdated);
    let update = AccountUpdate {
        password: PasswordChange::Remove,
        ends: EndedSessions::All,
        ..linking(&Account { email_verified: true, ..account.clone() }, 0, &identity)
    };
    let events = std::slice::from_ref(&event);
    let refused = fixture.store.update_account(&update, events, &revoked).await;
    assert!(matches!(refused, Err(UserStoreError::IdentityTaken)), "{refused:?}");
    let found = fixture.stored(&account).await.expect("the account");
    assert!(found.password_hash.is_some());
    assert_eq!((found.account, found.revision), (account, 0));
    assert_eq!(fixture.remaining(&[&session]).await, [session.id]);

    let new = with(&identity);
    let first = samples::session(&new.account);
    let refused = fixture.store.create_account(&new, &first, events).await;
    assert!(matches!(refused, Err(UserStoreError::IdentityTaken)), "{refused:?}");
    assert!(fixture.store.credentials(&new.account.email).await.unwrap().is_none());
    assert_eq!(fixture.remaining(&[&first]).await, []);
    assert!(waiting(&*fixture.outbox, &[event]).await.is_empty());
    let found = fixture.store.credentials_of_identity(&identity).await.unwrap().expect("its owner");
    assert_eq!(found.account, owner);
}

/// Nobody else of one issuer signs in to an account; somebody of another issuer may.
pub async fn an_account_has_one_identity_of_an_issuer(fixture: &UserStoreFixture) {
    let (account, _) = fixture.signed_up().await;
    let first = samples::identity();
    fixture.change(&linking(&account, 0, &first), &[]).await;
    let second = Identity::new(first.issuer(), samples::word()).unwrap();
    for again in [&first, &second] {
        let refused = fixture.store.update_account(&linking(&account, 1, again), &[], &revoked).await;
        assert!(matches!(refused, Err(UserStoreError::IdentityTaken)), "{refused:?}");
    }
    let elsewhere = samples::identity();
    fixture.change(&linking(&account, 1, &elsewhere), &[]).await;
    for identity in [&first, &elsewhere] {
        let found = fixture.store.credentials_of_identity(identity).await.unwrap().expect("the account");
        assert_eq!((&found.account, found.revision), (&account, 2));
    }
    assert!(fixture.store.credentials_of_identity(&second).await.unwrap().is_none());
}

/// With the account goes who signed in to it; the identity is free again.
pub async fn identity_goes_with_its_account(fixture: &UserStoreFixture) {
    let identity = samples::identity();
    let (account, _) = fixture.signed_up().await;
    fixture.change(&linking(&account, 0, &identity), &[]).await;
    assert!(fixture.store.delete_account(account.id, 1, &[]).await.unwrap());
    assert!(fixture.store.credentials_of_identity(&identity).await.unwrap().is_none());
    let new = with(&identity);
    fixture.store.create_account(&new, &samples::session(&new.account), &[]).await.unwrap();
    let found = fixture.store.credentials_of_identity(&identity).await.unwrap().expect("the account");
    assert_eq!(found.account, new.account);
}

/// Of many who come with one identity at once, whatever their addresses, one gets an account.
pub async fn concurrent_sign_ups_of_one_identity_store_one_account(fixture: &UserStoreFixture) {
    let identity = samples::identity();
    let tries = (0..20).map(|_| {
        let (store, new) = (fixture.store.clone(), with(&identity));
        tokio::spawn(async move {
            let session: Session = samples::session(&new.account);
            (store.create_account(&new, &session, &[]).await, new.account)
        })
    });
    let tries: Vec<_> = tries.collect();
    let mut created = Vec::new();
    for tried in join_all(tries).await {
        match tried.unwrap() {
            (Ok(()), account) => created.push(account),
            (Err(UserStoreError::IdentityTaken), account) => {
                assert!(fixture.stored(&account).await.is_none());
            }
            (Err(other), _) => panic!("{other:?}"),
        }
    }
    let found = fixture.store.credentials_of_identity(&identity).await.unwrap().expect("the account");
    assert_eq!(created, [found.account]);
}

/// Of many accounts that link one identity at once, one gets it, and the others stay as they are.
pub async fn concurrent_links_of_one_identity_let_one_win(fixture: &UserStoreFixture) {
    let identity = samples::identity();
    let mut accounts = Vec::new();
    for _ in 0..8 {
        accounts.push(fixture.signed_up().await.0);
    }
    let tries = accounts.iter().map(|account| {
        let (store, update) = (fixture.store.clone(), linking(account, 0, &identity));
        tokio::spawn(async move { store.update_account(&update, &[], &revoked).await })
    });
    let tries: Vec<_> = tries.collect();
    let mut winners = 0;
    for (tried, account) in join_all(tries).await.into_iter().zip(&accounts) {
        let revision = fixture.stored(account).await.expect("the account").revision;
        match tried.unwrap() {
            Ok(true) => {
                winners += 1;
                assert_eq!(revision, 1);
            }
            Err(UserStoreError::IdentityTaken) => assert_eq!(revision, 0),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(winners, 1);
}
