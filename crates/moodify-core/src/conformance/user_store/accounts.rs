//! Signing up.

use futures::future::join_all;

use super::UserStoreFixture;
use crate::conformance::{outbox::waiting, samples};
use crate::model::{Account, Email, EventKind, NewAccount, PersonName};
use crate::port::UserStoreError;

fn assert_same_account(stored: &NewAccount, found: &Account) {
    assert_eq!(found, &stored.account);
}

/// An account is found by its id and by its e-mail with its password hash, and its first session
/// is there; every character and microsecond survives.
pub async fn created_account_is_found(fixture: &UserStoreFixture) {
    let new = samples::account();
    let session = samples::session(&new.account);
    fixture.store.create_account(&new, &session, &[]).await.unwrap();

    let found = fixture.store.account(new.account.id).await.unwrap().expect("the account");
    assert_same_account(&new, &found);
    let found = fixture.store.credentials(&new.account.email).await.unwrap().expect("the credentials");
    assert_same_account(&new, &found.account);
    assert_eq!(found.password_hash, new.password_hash);
    assert_eq!(fixture.store.session(session.id).await.unwrap(), Some(session));
}

/// An artist keeps the profile, the verified address and the absence of a password.
pub async fn created_artist_is_found(fixture: &UserStoreFixture) {
    let new = samples::artist_account();
    let session = samples::session(&new.account);
    fixture.store.create_account(&new, &session, &[]).await.unwrap();

    let found = fixture.store.credentials(&new.account.email).await.unwrap().expect("the credentials");
    assert_same_account(&new, &found.account);
    assert_eq!(found.password_hash, None);
}

/// Names of the greatest length, in characters of four bytes, survive.
pub async fn the_longest_texts_survive(fixture: &UserStoreFixture) {
    let mut new = samples::account();
    let longest = "\u{1F3B5}".repeat(PersonName::MAX_CHARS);
    new.account.first_name = PersonName::parse(&longest).unwrap();
    new.account.last_name = PersonName::parse(&longest).unwrap();
    let session = samples::session(&new.account);
    fixture.store.create_account(&new, &session, &[]).await.unwrap();

    let found = fixture.store.account(new.account.id).await.unwrap().expect("the account");
    assert_same_account(&new, &found);
}

/// What never was is `None`, by id and by e-mail.
pub async fn unknown_account_is_none(fixture: &UserStoreFixture) {
    fixture.signed_up().await;
    assert!(fixture.store.account(samples::id()).await.unwrap().is_none());
    assert!(fixture.store.credentials(&samples::email()).await.unwrap().is_none());
}

/// Signing up appends all its events to the outbox.
pub async fn creating_stores_all_events(fixture: &UserStoreFixture) {
    let new = samples::account();
    let events = samples::events();
    fixture.store.create_account(&new, &samples::session(&new.account), &events).await.unwrap();
    assert_eq!(waiting(&*fixture.outbox, &events).await, events);
}

/// A second account with the same e-mail is refused; of it nothing is stored, and the first one
/// stays as it was.
pub async fn duplicate_email_conflicts(fixture: &UserStoreFixture) {
    let first = samples::account();
    fixture.store.create_account(&first, &samples::session(&first.account), &[]).await.unwrap();

    let mut second = samples::artist_account();
    second.account.email = first.account.email.clone();
    let session = samples::session(&second.account);
    let event = samples::event(EventKind::AccountCreated);
    let refused = fixture.store.create_account(&second, &session, std::slice::from_ref(&event)).await;

    assert!(matches!(refused, Err(UserStoreError::EmailTaken)), "{refused:?}");
    assert!(fixture.store.account(second.account.id).await.unwrap().is_none());
    assert!(fixture.store.session(session.id).await.unwrap().is_none());
    assert!(waiting(&*fixture.outbox, &[event]).await.is_empty());
    let found = fixture.store.credentials(&first.account.email).await.unwrap().expect("the first one");
    assert_same_account(&first, &found.account);
    assert_eq!(found.password_hash, first.password_hash);
}

/// Addresses that differ in an accent only belong to different people.
pub async fn addresses_are_compared_exactly(fixture: &UserStoreFixture) {
    let word = samples::word();
    for local in ["jose", "josé", "jos_", "jos%"] {
        let mut new = samples::account();
        new.account.email = Email::parse(&format!("{local}{word}@example.com")).unwrap();
        fixture.store.create_account(&new, &samples::session(&new.account), &[]).await.unwrap();
        let found = fixture.store.credentials(&new.account.email).await.unwrap().expect("the account");
        assert_same_account(&new, &found.account);
    }
}

/// Of a hundred concurrent sign-ups with one e-mail exactly one succeeds; the others are told why,
/// and leave neither account nor session nor event.
pub async fn concurrent_sign_ups_store_one_account(fixture: &UserStoreFixture) {
    let email = samples::email();
    let calls = (0..100).map(|_| {
        let (store, email) = (fixture.store.clone(), email.clone());
        tokio::spawn(async move {
            let mut new = samples::account();
            new.account.email = email;
            let session = samples::session(&new.account);
            let event = samples::event(EventKind::AccountCreated);
            let answer = store.create_account(&new, &session, std::slice::from_ref(&event)).await;
            (new, session, event, answer)
        })
    });
    let mut winner = None;
    let mut events = Vec::new();
    for call in join_all(calls).await {
        let (new, session, event, answer) = call.unwrap();
        let found = fixture.store.account(new.account.id).await.unwrap();
        let stored_session = fixture.store.session(session.id).await.unwrap();
        match answer {
            Ok(()) => {
                assert!(winner.is_none(), "two sign-ups with one e-mail succeeded");
                assert_eq!(found.as_ref(), Some(&new.account));
                assert_eq!(stored_session, Some(session));
                winner = Some(event.clone());
            }
            Err(UserStoreError::EmailTaken) => {
                assert!(found.is_none() && stored_session.is_none(), "a refused sign-up left something");
            }
            Err(other) => panic!("{other:?}"),
        }
        events.push(event);
    }
    let winner = winner.expect("one sign-up succeeds");
    assert_eq!(waiting(&*fixture.outbox, &events).await, [winner]);
}

/// Concurrency alone is no reason to refuse anybody.
pub async fn concurrent_sign_ups_of_different_people_all_succeed(fixture: &UserStoreFixture) {
    let calls = (0..50).map(|_| {
        let store = fixture.store.clone();
        tokio::spawn(async move {
            let new = samples::account();
            let event = samples::event(EventKind::AccountCreated);
            let session = samples::session(&new.account);
            store.create_account(&new, &session, std::slice::from_ref(&event)).await.unwrap();
            (new, event)
        })
    });
    let mut events = Vec::new();
    for call in join_all(calls).await {
        let (new, event) = call.unwrap();
        assert_eq!(fixture.store.account(new.account.id).await.unwrap(), Some(new.account));
        events.push(event);
    }
    assert_eq!(waiting(&*fixture.outbox, &events).await.len(), events.len());
}
